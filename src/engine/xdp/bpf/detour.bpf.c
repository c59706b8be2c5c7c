/* The probes' way: gives a probe's packets the VIP as their destination when they leave, and takes it out of
 * the answers before the stack sees them. Where the VIP and the backend's address are of different families,
 * the IP header is translated too. Contract: detour_abi.h; reasons: doc/adr/0002-probe-path.md.
 *
 * Checksums: every byte of a header is stored with BPF_F_RECOMPUTE_CSUM, and TCP's checksum is replaced as
 * one over a pseudo header, so skb->csum (CHECKSUM_COMPLETE: the sum that the card took over the packet)
 * follows each change by exactly what changed, for IPv4, IPv6 and between them. Without the stores' share it
 * would be wrong for IPv6, which has no header checksum to cancel the new address. For CHECKSUM_PARTIAL the
 * field holds the pseudo header's sum alone; the helper knows. Protocol and length add the same to both
 * families' pseudo headers, so only the addresses count. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "engine/xdp/detour_abi.h"

#define FRAGMENT 0x3fff /* more fragments, or an offset */
#define DONT_FRAGMENT 0x4000

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, WEIR_DETOURS_MAX);
    __type(key, __u16);
    __type(value, struct weir_detour);
} detours SEC(".maps");

struct packet {
    struct weir_address source;
    struct weir_address destination;
    __u16 source_port; /* ports in network order */
    __u16 destination_port;
    __u16 length; /* of the TCP segment */
    __u8 at;      /* where the IP header begins: ETH_HLEN, or 0 (see detour_in) */
    __u8 family;
    __u8 traffic_class;
    __u8 hops;
};

static __always_inline bool take_ipv4(struct __sk_buff* skb, struct packet* packet) {
    struct iphdr ip;
    if (bpf_skb_load_bytes(skb, packet->at, &ip, sizeof ip)) return false;
    if (ip.version != 4 || ip.ihl != 5 || ip.protocol != IPPROTO_TCP) return false;
    if (ip.frag_off & bpf_htons(FRAGMENT)) return false;
    if (bpf_ntohs(ip.tot_len) < sizeof ip + sizeof(struct tcphdr)) return false;
    packet->source.word[0] = ip.saddr;
    packet->destination.word[0] = ip.daddr;
    packet->length = bpf_ntohs(ip.tot_len) - sizeof ip;
    packet->family = WEIR_V4;
    packet->traffic_class = ip.tos;
    packet->hops = ip.ttl;
    return !bpf_skb_load_bytes(skb, packet->at + sizeof ip, &packet->source_port, 4);
}

static __always_inline bool take_ipv6(struct __sk_buff* skb, struct packet* packet) {
    struct ipv6hdr ip;
    if (bpf_skb_load_bytes(skb, packet->at, &ip, sizeof ip)) return false;
    if (ip.version != 6 || ip.nexthdr != IPPROTO_TCP) return false;
    if (bpf_ntohs(ip.payload_len) < sizeof(struct tcphdr)) return false;
    __builtin_memcpy(&packet->source, &ip.saddr, sizeof packet->source);
    __builtin_memcpy(&packet->destination, &ip.daddr, sizeof packet->destination);
    packet->length = bpf_ntohs(ip.payload_len);
    packet->family = WEIR_V6;
    packet->traffic_class = ip.priority << 4 | ip.flow_lbl[0] >> 4;
    packet->hops = ip.hop_limit;
    return !bpf_skb_load_bytes(skb, packet->at + sizeof ip, &packet->source_port, 4);
}

static __always_inline bool take_tcp(struct __sk_buff* skb, struct packet* packet) {
    if (skb->protocol == bpf_htons(ETH_P_IP)) return take_ipv4(skb, packet);
    if (skb->protocol == bpf_htons(ETH_P_IPV6)) return take_ipv6(skb, packet);
    return false;
}

static __always_inline bool same(const struct weir_address* a, const struct weir_address* b) {
    return !((a->word[0] ^ b->word[0]) | (a->word[1] ^ b->word[1]) | (a->word[2] ^ b->word[2]) |
             (a->word[3] ^ b->word[3]));
}

static __always_inline int put_ipv4(struct __sk_buff* skb, const struct packet* packet) {
    struct iphdr ip = {
        .version = 4,
        .ihl = 5,
        .tos = packet->traffic_class,
        .tot_len = bpf_htons(packet->length + sizeof ip),
        .frag_off = bpf_htons(DONT_FRAGMENT), /* so the identification may be 0: RFC 6864 */
        .ttl = packet->hops,
        .protocol = IPPROTO_TCP,
        .saddr = packet->source.word[0],
        .daddr = packet->destination.word[0],
    };
    __u32 sum = bpf_csum_diff(NULL, 0, (__be32*)&ip, sizeof ip, 0);
    sum = (sum & 0xffff) + (sum >> 16);
    ip.check = ~((sum & 0xffff) + (sum >> 16));
    return bpf_skb_store_bytes(skb, packet->at, &ip, sizeof ip, BPF_F_RECOMPUTE_CSUM);
}

static __always_inline int put_ipv6(struct __sk_buff* skb, const struct packet* packet) {
    struct ipv6hdr ip = {
        .version = 6,
        .priority = packet->traffic_class >> 4,
        .flow_lbl = {packet->traffic_class << 4},
        .payload_len = bpf_htons(packet->length),
        .nexthdr = IPPROTO_TCP,
        .hop_limit = packet->hops,
    };
    __builtin_memcpy(&ip.saddr, &packet->source, sizeof ip.saddr);
    __builtin_memcpy(&ip.daddr, &packet->destination, sizeof ip.daddr);
    return bpf_skb_store_bytes(skb, packet->at, &ip, sizeof ip, BPF_F_RECOMPUTE_CSUM);
}

/* Makes room for the other family's header, and says so in the frame's type. */
static __always_inline int change_family(struct __sk_buff* skb, const struct packet* packet, __u8 family) {
    __be16 type = family == WEIR_V6 ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP);
    int failed = bpf_skb_change_proto(skb, type, 0);
    if (failed || !packet->at) return failed;
    return bpf_skb_store_bytes(skb, offsetof(struct ethhdr, h_proto), &type, sizeof type, 0);
}

/* The packet, which has the addresses `from`, gets those that are set in it; the checksum follows from the
 * difference. */
static __always_inline int rewrite(struct __sk_buff* skb, const struct packet* packet, __u8 family,
                                   const struct weir_ends* from, const struct weir_ends* to) {
    __s64 change = bpf_csum_diff((__be32*)from, sizeof *from, (__be32*)to, sizeof *to, 0);
    int failed = 0;
    if (family == WEIR_V4 && packet->length > 0xffff - sizeof(struct iphdr)) return TC_ACT_SHOT;
    if (family != packet->family) failed = change_family(skb, packet, family);
    if (failed) return TC_ACT_SHOT;
    failed = family == WEIR_V6 ? put_ipv6(skb, packet) : put_ipv4(skb, packet);
    if (failed) return TC_ACT_SHOT;
    __u32 check = packet->at + (family == WEIR_V6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr)) +
                  offsetof(struct tcphdr, check);
    failed = bpf_l4_csum_replace(skb, check, 0, change, BPF_F_PSEUDO_HDR);
    /* A probe that fails is better than one that asks the wrong address. */
    return failed ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

/* TC_ACT_UNSPEC: the filters behind this one see the packet too. */
SEC("tc")
int detour_out(struct __sk_buff* skb) {
    struct packet packet = {.at = ETH_HLEN};
    if (!take_tcp(skb, &packet)) return TC_ACT_UNSPEC;
    const struct weir_detour* row = bpf_map_lookup_elem(&detours, &packet.source_port);
    if (!row || row->stack_family != packet.family || row->port != packet.destination_port)
        return TC_ACT_UNSPEC;
    if (!same(&row->stack.balancer, &packet.source) || !same(&row->stack.peer, &packet.destination))
        return TC_ACT_UNSPEC;
    packet.source = row->wire.balancer;
    packet.destination = row->wire.peer;
    return rewrite(skb, &packet, row->wire_family, &row->stack, &row->wire);
}

/* Whose answer this is, when its IP header begins at `packet->at`. */
static __always_inline const struct weir_detour* find_answered(struct __sk_buff* skb, struct packet* packet) {
    if (!take_tcp(skb, packet)) return NULL;
    const struct weir_detour* row = bpf_map_lookup_elem(&detours, &packet->destination_port);
    if (!row || row->wire_family != packet->family || row->port != packet->source_port) return NULL;
    if (!same(&row->wire.balancer, &packet->destination) || !same(&row->wire.peer, &packet->source))
        return NULL;
    return row;
}

/* The data should begin with the Ethernet header. But where generic XDP had to copy a frame for want of
 * headroom, kernels forget how long that header is (seen with 6.18), and the data begins with the IP header.
 */
SEC("tc")
int detour_in(struct __sk_buff* skb) {
    struct packet packet = {.at = ETH_HLEN};
    const struct weir_detour* row = find_answered(skb, &packet);
    if (!row) {
        packet.at = 0;
        row = find_answered(skb, &packet);
    }
    if (!row) return TC_ACT_UNSPEC;
    packet.source = row->stack.peer;
    packet.destination = row->stack.balancer;
    return rewrite(skb, &packet, row->stack_family, &row->wire, &row->stack);
}

char _license[] SEC("license") = "GPL";
