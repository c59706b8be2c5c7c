/* The far end of weir's tunnels: strips the outer headers from what is addressed to this host, as the
 * kernel's ipip, ip6tnl, gre and fou devices would, and hands the inner packet to the stack. RFC 2003, RFC
 * 2473, RFC 4213, RFC 2784 and 2890 (GRE with checksum, key and sequence number), FOU, GUE variants 0 and 1
 * of draft-ietf-intarea-gue. Also L3DSR: no outer header, but a DSCP that stands for the VIP.
 *
 * Stricter than a kernel, because tests look for a sender's mistakes: an outer header whose length or
 * checksum is wrong is counted and the packet dropped. Not done: reassembly of outer fragments, extension
 * headers before the tunnel's, and RFC 6040's merge of the outer ECN into the inner one. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "lab/bpf/decap_abi.h"

/* Since Linux 6.3; Debian's header is older. */
#define DECAP_TO_IPV4 (1ULL << 7) /* BPF_F_ADJ_ROOM_DECAP_L3_IPV4 */
#define DECAP_TO_IPV6 (1ULL << 8)

#define FRAGMENT 0x3fff /* more fragments, or an offset */
#define FRAGMENT_OFFSET 0x1fff

enum { GRE_CHECKSUM = 0x8000, GRE_KEY = 0x2000, GRE_SEQUENCE = 0x1000, GRE_UNKNOWN = 0x4fff };
enum { GUE_CONTROL = 0x20, GUE_WORDS = 0x1f };
enum { PIECE = 512, PIECES = 128 }; /* of a packet, to sum it up: what bpf_csum_diff takes at once */
enum verdict { NOT_OURS, BAD_CHECKSUM, MALFORMED, RIGHT };

const volatile __u16 fou_port;
const volatile __u16 gue_port;

__u64 counts[DECAP_COUNTS];
struct decap_outer last[DECAP_LAST];
__u32 noted;

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 64);
    __type(key, struct decap_address);
    __type(value, __u8);
} own_addresses SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 128);
    __type(key, struct decap_code_point);
    __type(value, struct decap_address);
} vips SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u8[PIECE + 4]); /* the verifier rounds up what is rounded up below */
} scratch SEC(".maps");

struct packet {
    struct decap_outer outer;
    __u32 at;  /* what is not yet taken begins here */
    __u32 end; /* of the outer packet, without the frame's padding */
    __u16 fragment;
    __u8 protocol; /* of what begins at `at` */
    __u8 count;    /* the method's */
    bool plain_udp;
    bool inner_v6;
};

static __always_inline void count(__u32 what) {
    __sync_fetch_and_add(&counts[what], 1);
}

static __always_inline __u32 fold(__u32 sum) {
    sum = (sum & 0xffff) + (sum >> 16);
    return (sum & 0xffff) + (sum >> 16);
}

struct sum {
    struct __sk_buff* skb;
    __u32 at; /* what is left to be summed up */
    __u32 size;
    __u32 value;
};

static long add_piece(__u32 index, struct sum* sum) {
    __u32 zero = 0;
    __u8* piece = bpf_map_lookup_elem(&scratch, &zero);
    /* One less, because Linux 6.1's verifier learns what is left of a range by < and >, not by != 0. */
    __u32 rest = (sum->size < PIECE ? sum->size : PIECE) - 1;
    barrier_var(rest);
    if (!piece || rest >= PIECE) return 1;
    __u32 size = rest + 1;
    if (size & 3) *(__u32*)(piece + (size & (PIECE - 4))) = 0;
    if (bpf_skb_load_bytes(sum->skb, sum->at, piece, size)) return 1;
    sum->value = bpf_csum_diff(0, 0, (__be32*)piece, (size + 3) & ~3u, sum->value);
    sum->at += size;
    sum->size -= size;
    return 0;
}

/* Whether the one's complement sum of these bytes and `value` is what a right checksum makes it. */
static __noinline bool sums_up(struct __sk_buff* skb, __u32 at, __u32 size, __u32 value) {
    struct sum sum = {.skb = skb, .at = at, .size = size, .value = value};
    bpf_loop(PIECES, add_piece, &sum, 0);
    return !sum.size && fold(sum.value) == 0xffff;
}

static __always_inline bool is_own(const struct decap_address* address) {
    return bpf_map_lookup_elem(&own_addresses, address);
}

static __always_inline enum verdict take_ipv4(struct __sk_buff* skb, struct packet* p) {
    struct iphdr ip;
    if (bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof ip)) return NOT_OURS;
    p->outer.source.word[0] = ip.saddr;
    p->outer.destination.word[0] = ip.daddr;
    p->outer.tos = ip.tos;
    p->outer.ttl = ip.ttl;
    p->fragment = bpf_ntohs(ip.frag_off) & FRAGMENT;
    p->protocol = ip.protocol;
    __u32 header = ip.ihl * 4;
    p->at = ETH_HLEN + header;
    p->end = ETH_HLEN + bpf_ntohs(ip.tot_len);
    if (!is_own(&p->outer.destination)) return NOT_OURS;
    if (ip.version != 4 || header < sizeof ip || p->end < p->at || p->end > skb->len) return MALFORMED;
    return sums_up(skb, ETH_HLEN, header, 0) ? RIGHT : BAD_CHECKSUM;
}

static __always_inline enum verdict take_ipv6(struct __sk_buff* skb, struct packet* p) {
    struct ipv6hdr ip;
    if (bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof ip)) return NOT_OURS;
    __builtin_memcpy(&p->outer.source, &ip.saddr, sizeof p->outer.source);
    __builtin_memcpy(&p->outer.destination, &ip.daddr, sizeof p->outer.destination);
    p->outer.v6 = 1;
    p->outer.tos = ip.priority << 4 | ip.flow_lbl[0] >> 4;
    p->outer.flow_label = (ip.flow_lbl[0] & 0xf) << 16 | ip.flow_lbl[1] << 8 | ip.flow_lbl[2];
    p->outer.ttl = ip.hop_limit;
    p->protocol = ip.nexthdr;
    p->at = ETH_HLEN + sizeof ip;
    p->end = p->at + bpf_ntohs(ip.payload_len);
    if (!is_own(&p->outer.destination)) return NOT_OURS;
    return ip.version == 6 && p->end <= skb->len ? RIGHT : MALFORMED;
}

static __always_inline enum verdict take_gre(struct __sk_buff* skb, struct packet* p) {
    struct {
        __be16 flags;
        __be16 protocol;
    } gre;
    __u32 start = p->at;
    if (bpf_skb_load_bytes(skb, start, &gre, sizeof gre)) return MALFORMED;
    __u16 flags = bpf_ntohs(gre.flags);
    p->count = DECAP_GRE;
    p->at += sizeof gre;
    if (flags & GRE_UNKNOWN) return MALFORMED; /* routing, reserved bits, PPTP's version */
    if (flags & GRE_CHECKSUM) p->at += 4;
    if (flags & GRE_KEY) {
        if (bpf_skb_load_bytes(skb, p->at, &p->outer.gre_key, 4)) return MALFORMED;
        p->outer.gre_key = bpf_ntohl(p->outer.gre_key);
        p->outer.has_gre_key = 1;
        p->at += 4;
    }
    if (flags & GRE_SEQUENCE) p->at += 4;
    if (gre.protocol != bpf_htons(ETH_P_IP) && gre.protocol != bpf_htons(ETH_P_IPV6)) return MALFORMED;
    p->protocol = gre.protocol == bpf_htons(ETH_P_IP) ? IPPROTO_IPIP : IPPROTO_IPV6;
    if (!(flags & GRE_CHECKSUM) || p->end < p->at) return RIGHT;
    return sums_up(skb, start, p->end - start, 0) ? RIGHT : BAD_CHECKSUM;
}

/* FOU, and GUE's variant 1, whose number is the upper half of both IP versions. */
static __always_inline enum verdict take_by_version(struct packet* p, __u8 first) {
    if (first >> 4 != 4 && first >> 4 != 6) return MALFORMED;
    p->protocol = first >> 4 == 4 ? IPPROTO_IPIP : IPPROTO_IPV6;
    return RIGHT;
}

static __always_inline enum verdict take_gue(struct __sk_buff* skb, struct packet* p) {
    __u8 gue[4];
    if (bpf_skb_load_bytes(skb, p->at, gue, sizeof gue)) return MALFORMED;
    if (gue[0] >> 6) return take_by_version(p, gue[0]);
    if (gue[0] & GUE_CONTROL) return MALFORMED;
    p->protocol = gue[1];
    p->at += sizeof gue + (gue[0] & GUE_WORDS) * 4;
    return RIGHT;
}

static __always_inline bool udp_sums_up(struct __sk_buff* skb, struct packet* p, __u32 start) {
    __be32 tail[2] = {bpf_htonl(p->end - start), bpf_htonl(IPPROTO_UDP)};
    __u32 sum = bpf_csum_diff(0, 0, p->outer.source.word, sizeof p->outer.source, 0);
    sum = bpf_csum_diff(0, 0, p->outer.destination.word, sizeof p->outer.destination, sum);
    sum = bpf_csum_diff(0, 0, tail, sizeof tail, sum);
    return sums_up(skb, start, p->end - start, sum);
}

static __always_inline enum verdict take_udp(struct __sk_buff* skb, struct packet* p) {
    struct udphdr udp;
    __u32 start = p->at;
    __u8 first;
    if (bpf_skb_load_bytes(skb, start, &udp, sizeof udp)) return NOT_OURS;
    __u16 port = bpf_ntohs(udp.dest);
    if (!port || (port != fou_port && port != gue_port)) return NOT_OURS;
    p->count = port == fou_port ? DECAP_FOU : DECAP_GUE;
    p->at += sizeof udp;
    if (bpf_ntohs(udp.len) != p->end - start) return MALFORMED;
    if (bpf_skb_load_bytes(skb, p->at, &first, 1)) return MALFORMED;
    p->outer.source_port = bpf_ntohs(udp.source);
    p->plain_udp = !udp.check;
    if (udp.check && !udp_sums_up(skb, p, start)) return BAD_CHECKSUM;
    return port == fou_port ? take_by_version(p, first) : take_gue(skb, p);
}

/* What begins at p->at must be all that is left, and of the family that the outer header names. */
static __always_inline enum verdict take_inner(struct __sk_buff* skb, struct packet* p) {
    union {
        struct iphdr v4;
        struct ipv6hdr v6;
    } ip;
    __u32 size;
    if (p->protocol == IPPROTO_IPIP) {
        if (bpf_skb_load_bytes(skb, p->at, &ip, sizeof ip.v4) || ip.v4.version != 4) return MALFORMED;
        size = bpf_ntohs(ip.v4.tot_len);
    } else if (p->protocol == IPPROTO_IPV6) {
        if (bpf_skb_load_bytes(skb, p->at, &ip, sizeof ip.v6) || ip.v6.version != 6) return MALFORMED;
        size = sizeof ip.v6 + bpf_ntohs(ip.v6.payload_len);
        p->inner_v6 = true;
    } else {
        return MALFORMED;
    }
    return p->at + size == p->end ? RIGHT : MALFORMED;
}

static __always_inline enum verdict take_tunnel(struct __sk_buff* skb, struct packet* p) {
    enum verdict verdict = RIGHT;
    if (p->fragment) return NOT_OURS;
    if (p->protocol == IPPROTO_GRE)
        verdict = take_gre(skb, p);
    else if (p->protocol == IPPROTO_UDP)
        verdict = take_udp(skb, p);
    else if (p->protocol == IPPROTO_IPIP || p->protocol == IPPROTO_IPV6)
        p->count = DECAP_IPIP;
    else
        return NOT_OURS;
    return verdict == RIGHT ? take_inner(skb, p) : verdict;
}

static __always_inline int strip(struct __sk_buff* skb, struct packet* p) {
    __be16 type = p->inner_v6 ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP);
    __u32 size = p->at - ETH_HLEN;
    /* A merged packet's segments keep their size: it says how much of TCP's payload each has. */
    __u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO;
    if (type != skb->protocol) flags |= p->inner_v6 ? DECAP_TO_IPV6 : DECAP_TO_IPV4;
    if (bpf_skb_adjust_room(skb, -(__s32)size, BPF_ADJ_ROOM_MAC, flags) ||
        bpf_skb_store_bytes(skb, offsetof(struct ethhdr, h_proto), &type, sizeof type, 0)) {
        count(DECAP_REFUSED);
        return TC_ACT_SHOT;
    }
    p->outer.size = size;
    last[__sync_fetch_and_add(&noted, 1) % DECAP_LAST] = p->outer;
    count(p->count);
    if (p->plain_udp) count(DECAP_PLAIN_UDP);
    return TC_ACT_UNSPEC;
}

/* The offset of the checksum that covers the addresses; 0: none, or not in this fragment. */
static __always_inline __u32 transport_checksum(const struct packet* p) {
    if (p->fragment & FRAGMENT_OFFSET) return 0;
    switch (p->protocol) {
        case IPPROTO_TCP:
            return p->at + offsetof(struct tcphdr, check);
        case IPPROTO_UDP:
            return p->at + offsetof(struct udphdr, check);
        case IPPROTO_ICMPV6:
            return p->at + 2;
    }
    return 0;
}

/* L3DSR: the destination becomes the VIP that the DSCP stands for. A code point without one is plain traffic
 * to the host. The kernel's sum over the packet (skb->csum) follows each store by BPF_F_RECOMPUTE_CSUM. */
static __always_inline int rewrite(struct __sk_buff* skb, struct packet* p) {
    struct decap_code_point code_point = {.dscp = p->outer.tos >> 2, .v6 = p->outer.v6};
    struct decap_address* vip = bpf_map_lookup_elem(&vips, &code_point);
    if (!vip) return TC_ACT_UNSPEC;
    __u32 check = transport_checksum(p);
    __u64 flags = BPF_F_PSEUDO_HDR | (p->protocol == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0);
    __s64 change =
        bpf_csum_diff(p->outer.destination.word, sizeof p->outer.destination, vip->word, sizeof *vip, 0);
    __u32 at = ETH_HLEN + (p->outer.v6 ? offsetof(struct ipv6hdr, daddr) : offsetof(struct iphdr, daddr));
    if ((check && bpf_l4_csum_replace(skb, check, 0, change, flags)) ||
        (!p->outer.v6 && bpf_l3_csum_replace(skb, ETH_HLEN + offsetof(struct iphdr, check), 0, change, 0)) ||
        bpf_skb_store_bytes(skb, at, vip, p->outer.v6 ? 16 : 4, BPF_F_RECOMPUTE_CSUM)) {
        count(DECAP_REFUSED);
        return TC_ACT_SHOT;
    }
    last[__sync_fetch_and_add(&noted, 1) % DECAP_LAST] = p->outer;
    count(DECAP_DSCP);
    return TC_ACT_UNSPEC;
}

SEC("tc")
int decap(struct __sk_buff* skb) {
    struct packet p = {};
    enum verdict verdict = NOT_OURS;
    if (skb->pkt_type != PACKET_HOST) return TC_ACT_UNSPEC;
    if (skb->protocol == bpf_htons(ETH_P_IP))
        verdict = take_ipv4(skb, &p);
    else if (skb->protocol == bpf_htons(ETH_P_IPV6))
        verdict = take_ipv6(skb, &p);
    if (verdict == NOT_OURS) return TC_ACT_UNSPEC;
    if (verdict == RIGHT) verdict = take_tunnel(skb, &p);
    switch (verdict) {
        case RIGHT:
            return strip(skb, &p);
        case NOT_OURS:
            return rewrite(skb, &p);
        case BAD_CHECKSUM:
            count(DECAP_BAD_CHECKSUM);
            return TC_ACT_SHOT;
        case MALFORMED:
            count(DECAP_MALFORMED);
            return TC_ACT_SHOT;
    }
    return TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "GPL";
