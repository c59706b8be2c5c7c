/* The probes' way: gives a probe's packets the VIP as their destination when they leave, and the headers, tag
 * or mark with which the datapath would send them; takes the VIP out of the answers before the stack sees
 * them. Where the VIP and the backend's address are of different families, the IP header is translated too.
 * Contract: detour_abi.h; reasons: doc/adr/0002-probe-path.md.
 *
 * Checksums: every byte of a header is stored with BPF_F_RECOMPUTE_CSUM, and TCP's checksum is replaced as
 * one over a pseudo header, so skb->csum (CHECKSUM_COMPLETE: the sum that the card took over the packet)
 * follows each change by exactly what changed, for IPv4, IPv6 and between them. Without the stores' share it
 * would be wrong for IPv6, which has no header checksum to cancel the new address. For CHECKSUM_PARTIAL the
 * field holds the pseudo header's sum alone; the helper knows. Protocol and length add the same to both
 * families' pseudo headers, so only the addresses count. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "engine/xdp/bpf/outer.h"
#include "engine/xdp/detour_abi.h"

#define FRAGMENT 0x3fff /* more fragments, or an offset */
#define DONT_FRAGMENT 0x4000
#define VLAN_ID 0xfff

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, WEIR_DETOURS_MAX);
    __type(key, __u16);
    __type(value, struct weir_detour);
} detours SEC(".maps");

struct segment {
    struct weir_address source;
    struct weir_address destination;
    __u16 source_port; /* ports in network order */
    __u16 destination_port;
    __u16 length; /* without the IP header */
    __u8 at;      /* where the IP header begins: ETH_HLEN, or 0 (see detour_in) */
    __u8 family;
    __u8 traffic_class;
    __u8 hops;
};

static __always_inline bool take_ipv4(struct __sk_buff* skb, struct segment* segment) {
    struct iphdr ip;
    if (bpf_skb_load_bytes(skb, segment->at, &ip, sizeof ip)) return false;
    if (ip.version != 4 || ip.ihl != 5 || ip.protocol != IPPROTO_TCP) return false;
    if (ip.frag_off & bpf_htons(FRAGMENT)) return false;
    if (bpf_ntohs(ip.tot_len) < sizeof ip + sizeof(struct tcphdr)) return false;
    segment->source.word[0] = ip.saddr;
    segment->destination.word[0] = ip.daddr;
    segment->length = bpf_ntohs(ip.tot_len) - sizeof ip;
    segment->family = WEIR_V4;
    segment->traffic_class = ip.tos;
    segment->hops = ip.ttl;
    return !bpf_skb_load_bytes(skb, segment->at + sizeof ip, &segment->source_port, 4);
}

static __always_inline bool take_ipv6(struct __sk_buff* skb, struct segment* segment) {
    struct ipv6hdr ip;
    if (bpf_skb_load_bytes(skb, segment->at, &ip, sizeof ip)) return false;
    if (ip.version != 6 || ip.nexthdr != IPPROTO_TCP) return false;
    if (bpf_ntohs(ip.payload_len) < sizeof(struct tcphdr)) return false;
    __builtin_memcpy(&segment->source, &ip.saddr, sizeof segment->source);
    __builtin_memcpy(&segment->destination, &ip.daddr, sizeof segment->destination);
    segment->length = bpf_ntohs(ip.payload_len);
    segment->family = WEIR_V6;
    segment->traffic_class = ip.priority << 4 | ip.flow_lbl[0] >> 4;
    segment->hops = ip.hop_limit;
    return !bpf_skb_load_bytes(skb, segment->at + sizeof ip, &segment->source_port, 4);
}

static __always_inline bool take_tcp(struct __sk_buff* skb, struct segment* segment) {
    if (skb->protocol == bpf_htons(ETH_P_IP)) return take_ipv4(skb, segment);
    if (skb->protocol == bpf_htons(ETH_P_IPV6)) return take_ipv6(skb, segment);
    return false;
}

static __always_inline bool same(const struct weir_address* a, const struct weir_address* b) {
    return !((a->word[0] ^ b->word[0]) | (a->word[1] ^ b->word[1]) | (a->word[2] ^ b->word[2]) |
             (a->word[3] ^ b->word[3]));
}

static __always_inline int put_ipv4(struct __sk_buff* skb, const struct segment* segment) {
    struct iphdr ip = {
        .version = 4,
        .ihl = 5,
        .tos = segment->traffic_class,
        .tot_len = bpf_htons(segment->length + sizeof ip),
        .frag_off = bpf_htons(DONT_FRAGMENT), /* so the identification may be 0: RFC 6864 */
        .ttl = segment->hops,
        .protocol = IPPROTO_TCP,
        .saddr = segment->source.word[0],
        .daddr = segment->destination.word[0],
    };
    __u32 sum = bpf_csum_diff(NULL, 0, (__be32*)&ip, sizeof ip, 0);
    sum = (sum & 0xffff) + (sum >> 16);
    ip.check = ~((sum & 0xffff) + (sum >> 16));
    return bpf_skb_store_bytes(skb, segment->at, &ip, sizeof ip, BPF_F_RECOMPUTE_CSUM);
}

static __always_inline int put_ipv6(struct __sk_buff* skb, const struct segment* segment) {
    struct ipv6hdr ip = {
        .version = 6,
        .priority = segment->traffic_class >> 4,
        .flow_lbl = {segment->traffic_class << 4},
        .payload_len = bpf_htons(segment->length),
        .nexthdr = IPPROTO_TCP,
        .hop_limit = segment->hops,
    };
    __builtin_memcpy(&ip.saddr, &segment->source, sizeof ip.saddr);
    __builtin_memcpy(&ip.daddr, &segment->destination, sizeof ip.daddr);
    return bpf_skb_store_bytes(skb, segment->at, &ip, sizeof ip, BPF_F_RECOMPUTE_CSUM);
}

/* Makes room for the other family's header, and says so in the frame's type. */
static __always_inline int change_family(struct __sk_buff* skb, const struct segment* segment, __u8 family) {
    __be16 type = family == WEIR_V6 ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP);
    int failed = bpf_skb_change_proto(skb, type, 0);
    if (failed || !segment->at) return failed;
    return bpf_skb_store_bytes(skb, offsetof(struct ethhdr, h_proto), &type, sizeof type, 0);
}

/* The packet, which has the addresses `from`, gets those that are set in it; the checksum follows from the
 * difference. Not 0: it could not be done whole. */
static __always_inline int rewrite(struct __sk_buff* skb, const struct segment* segment, __u8 family,
                                   const struct weir_ends* from, const struct weir_ends* to) {
    __s64 change = bpf_csum_diff((__be32*)from, sizeof *from, (__be32*)to, sizeof *to, 0);
    if (family == WEIR_V4 && segment->length > 0xffff - sizeof(struct iphdr)) return -1;
    if (family != segment->family && change_family(skb, segment, family)) return -1;
    if (family == WEIR_V6 ? put_ipv6(skb, segment) : put_ipv4(skb, segment)) return -1;
    __u32 check = segment->at + (family == WEIR_V6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr)) +
                  offsetof(struct tcphdr, check);
    return bpf_l4_csum_replace(skb, check, 0, change, BPF_F_PSEUDO_HDR);
}

/* Tells the kernel what is in front, in case it still has to cut the packet or to sum it up. */
static __always_inline __u64 room_flags(__u8 method) {
    __u64 outer = method & WEIR_OUTER_V6 ? BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 : BPF_F_ADJ_ROOM_ENCAP_L3_IPV4;
    outer |= BPF_F_ADJ_ROOM_FIXED_GSO; /* the socket leaves room for the headers */
    switch (method & WEIR_METHOD) {
        case WEIR_GRE:
            return outer | BPF_F_ADJ_ROOM_ENCAP_L4_GRE;
        case WEIR_FOU:
        case WEIR_GUE:
            return outer | BPF_F_ADJ_ROOM_ENCAP_L4_UDP;
    }
    return outer;
}

/* Puts the tunnel's headers in front of the packet, which is of `family`; where the method is no tunnel,
 * none. */
static __always_inline int encapsulate(struct __sk_buff* skb, const struct segment* segment, __u8 family,
                                       const struct weir_target* target) {
    __u32 length = segment->length + (family == WEIR_V6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));
    struct packet inner = {.key.family = family, .length = length, .tos = segment->traffic_class};
    __u64 flow = segment->source_port * 0x9e3779b97f4a7c15ull; /* spread over all bits, as the datapath's */
    __u64 header[OUTER_MOST / 8 + 1] = {};
    __u32 outer = outer_length(target->method);
    asm volatile(
        ""
        : "+r"(outer)); /* Linux 6.1 is to see both bounds on this register; "!= 0" tells it nothing */
    if (outer < sizeof(struct iphdr)) return 0;
    if (outer > OUTER_MOST || length + outer > 0xffff) return -1;
    if (bpf_skb_adjust_room(skb, outer, BPF_ADJ_ROOM_MAC, room_flags(target->method))) return -1;
    __u16 type = type_of(target->method & WEIR_OUTER_V6 ? WEIR_V6 : WEIR_V4);
    if (target->method & WEIR_OUTER_V6)
        put_outer_v6(header, &inner, target, flow);
    else
        put_outer_v4(header, &inner, target, flow);
    if (bpf_skb_store_bytes(skb, offsetof(struct ethhdr, h_proto), &type, sizeof type, 0)) return -1;
    return bpf_skb_store_bytes(skb, ETH_HLEN, header, outer, BPF_F_RECOMPUTE_CSUM);
}

/* The tag of the target's VLAN, unless the kernel's device of that VLAN has given it. */
static __always_inline int tag(struct __sk_buff* skb, const struct weir_target* target) {
    if (!target->vlan || skb->vlan_present) return 0;
    return bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), bpf_ntohs(target->vlan));
}

/* TC_ACT_UNSPEC: the filters behind this one see the packet too. A probe that fails is better than one that
 * asks the wrong address: what cannot be changed whole is dropped. */
SEC("tc")
int detour_out(struct __sk_buff* skb) {
    struct segment segment = {.at = ETH_HLEN};
    if (!take_tcp(skb, &segment)) return TC_ACT_UNSPEC;
    const struct weir_detour* row = bpf_map_lookup_elem(&detours, &segment.source_port);
    if (!row || row->stack_family != segment.family || row->port != segment.destination_port)
        return TC_ACT_UNSPEC;
    if (!same(&row->stack.balancer, &segment.source) || !same(&row->stack.peer, &segment.destination))
        return TC_ACT_UNSPEC;
    const struct weir_ends* to = &row->wire;
    if ((row->target.method & WEIR_METHOD) == WEIR_DSCP) { /* the mark stands for the VIP */
        to = &row->stack;
        segment.traffic_class = row->target.port | (segment.traffic_class & 3);
    }
    segment.source = to->balancer;
    segment.destination = to->peer;
    if (rewrite(skb, &segment, row->wire_family, &row->stack, to)) return TC_ACT_SHOT;
    if (encapsulate(skb, &segment, row->wire_family, &row->target)) return TC_ACT_SHOT;
    return tag(skb, &row->target) ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

/* Whose answer this is, when its IP header begins at `segment->at`. */
static __always_inline const struct weir_detour* find_answered(struct __sk_buff* skb,
                                                               struct segment* segment) {
    if (!take_tcp(skb, segment)) return NULL;
    const struct weir_detour* row = bpf_map_lookup_elem(&detours, &segment->destination_port);
    if (!row || row->wire_family != segment->family || row->port != segment->source_port) return NULL;
    if (!same(&row->wire.balancer, &segment->destination) || !same(&row->wire.peer, &segment->source))
        return NULL;
    return row;
}

/* Brings an answer to the device that the socket is bound to, by which the route to the backend leads, too:
 * an answer from a VIP may come in by another interface, or with another tag. */
static __always_inline int bring_home(struct __sk_buff* skb, const struct segment* segment,
                                      const struct weir_detour* row) {
    const struct weir_target* target = &row->target;
    if (skb->vlan_present) {
        /* The kernel's device of the VLAN takes off its own tag. */
        if (row->device != target->interface && skb->ifindex == target->interface &&
            (skb->vlan_tci & VLAN_ID) == bpf_ntohs(target->vlan))
            return TC_ACT_UNSPEC;
        if (bpf_skb_vlan_pop(skb)) return TC_ACT_SHOT;
    }
    if (skb->ifindex == row->device) return TC_ACT_UNSPEC;
    if (!segment->at || bpf_skb_store_bytes(skb, 0, target->source_mac, ETH_ALEN, 0)) return TC_ACT_SHOT;
    return bpf_redirect(row->device, BPF_F_INGRESS);
}

/* The data should begin with the Ethernet header. But where generic XDP had to copy a frame for want of
 * headroom, kernels forget how long that header is (seen with 6.18), and the data begins with the IP header.
 */
SEC("tc")
int detour_in(struct __sk_buff* skb) {
    struct segment segment = {.at = ETH_HLEN};
    const struct weir_detour* row = find_answered(skb, &segment);
    if (!row) {
        segment.at = 0;
        row = find_answered(skb, &segment);
    }
    if (!row) return TC_ACT_UNSPEC;
    segment.source = row->stack.peer;
    segment.destination = row->stack.balancer;
    if (rewrite(skb, &segment, row->stack_family, &row->wire, &row->stack)) return TC_ACT_SHOT;
    return bring_home(skb, &segment, row);
}

char _license[] SEC("license") = "GPL";
