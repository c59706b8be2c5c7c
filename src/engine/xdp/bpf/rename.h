/* Gives a packet of a probe its other name: addresses, and with them the family.
 *
 * Checksums: every byte of a header is stored with BPF_F_RECOMPUTE_CSUM, and the checksum of what IP carries
 * is replaced as one over a pseudo header, so skb->csum (CHECKSUM_COMPLETE: the sum that the card took over
 * the packet) follows each change by exactly what changed, for IPv4, IPv6 and between them. Without the
 * stores' share it would be wrong for IPv6, which has no header checksum to cancel the new address. For
 * CHECKSUM_PARTIAL the field holds the pseudo header's sum alone; the helper knows. The checksums of TCP and
 * UDP are over protocol and length in both families, so only the addresses count. That of ICMP is over no
 * pseudo header, that of ICMPv6 over the whole; and what an echo is called differs, too. A UDP checksum of 0,
 * which is none, stays 0: the probe's socket sums what it sends, and takes over IPv6 what has none. */
#pragma once

#include "engine/xdp/bpf/outer.h"
#include "engine/xdp/bpf/segment.h"
#include "engine/xdp/detour_abi.h"

#define DONT_FRAGMENT 0x4000

static __always_inline int put_ipv4(struct __sk_buff* skb, const struct segment* segment) {
    struct iphdr ip = {
        .version = 4,
        .ihl = 5,
        .tos = segment->traffic_class,
        .tot_len = bpf_htons(segment->length + sizeof ip),
        .frag_off = bpf_htons(DONT_FRAGMENT), /* so the identification may be 0: RFC 6864 */
        .ttl = segment->hops,
        .protocol = segment->protocol,
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
        .nexthdr = segment->protocol == IPPROTO_ICMP ? IPPROTO_ICMPV6 : segment->protocol,
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

/* What the checksum of an echo is over, besides what is the same in both families. */
struct echo_sum {
    struct weir_ends ends;
    __u32 length;
    __u32 next_header;
    __u8 type;
    __u8 pad[3];
};

static __always_inline struct echo_sum echo_sum(const struct segment* segment, __u8 family,
                                                const struct weir_ends* ends) {
    struct echo_sum sum = {.type = echo_type(family, segment->destination_port)};
    if (family == WEIR_V4) return sum;
    sum.ends = *ends;
    sum.length = bpf_htonl(segment->length);
    sum.next_header = bpf_htonl(IPPROTO_ICMPV6);
    return sum;
}

/* By how much the checksum has to follow. */
static __always_inline __s64 difference(const struct segment* segment, __u8 family,
                                        const struct weir_ends* from, const struct weir_ends* to) {
    if (segment->protocol != IPPROTO_ICMP)
        return bpf_csum_diff((__be32*)from, sizeof *from, (__be32*)to, sizeof *to, 0);
    struct echo_sum before = echo_sum(segment, segment->family, from);
    struct echo_sum after = echo_sum(segment, family, to);
    return bpf_csum_diff((__be32*)&before, sizeof before, (__be32*)&after, sizeof after, 0);
}

/* `at`: of what IP carries. */
static __always_inline int put_transport(struct __sk_buff* skb, const struct segment* segment, __u8 family,
                                         __u32 at, __s64 change) {
    if (segment->protocol == IPPROTO_TCP)
        return bpf_l4_csum_replace(skb, at + offsetof(struct tcphdr, check), 0, change, BPF_F_PSEUDO_HDR);
    if (segment->protocol == IPPROTO_UDP)
        return bpf_l4_csum_replace(skb, at + offsetof(struct udphdr, check), 0, change,
                                   BPF_F_PSEUDO_HDR | BPF_F_MARK_MANGLED_0);
    __u8 type[2] = {echo_type(family, segment->destination_port)};
    if (bpf_skb_store_bytes(skb, at, type, sizeof type, BPF_F_RECOMPUTE_CSUM)) return -1;
    return bpf_l4_csum_replace(skb, at + offsetof(struct icmp, checksum), 0, change, BPF_F_PSEUDO_HDR);
}

/* The packet, which has the addresses `from`, gets those that are set in it; the checksum follows from the
 * difference. Not 0: it could not be done whole. */
static __always_inline int rewrite(struct __sk_buff* skb, const struct segment* segment, __u8 family,
                                   const struct weir_ends* from, const struct weir_ends* to) {
    __s64 change = difference(segment, family, from, to);
    if (family == WEIR_V4 && segment->length > 0xffff - sizeof(struct iphdr)) return -1;
    if (family != segment->family && change_family(skb, segment, family)) return -1;
    if (family == WEIR_V6 ? put_ipv6(skb, segment) : put_ipv4(skb, segment)) return -1;
    __u32 at = segment->at + (family == WEIR_V6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));
    return put_transport(skb, segment, family, at, change);
}
