/* What the probes' way reads of a packet: TCP, UDP and echoes, over IPv4 or IPv6, whole, without options and
 * extension headers. Everything else is no probe's. */
#pragma once

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "engine/xdp/bpf/icmp_types.h"
#include "engine/xdp/bpf/parse.h"

#define FRAGMENT 0x3fff /* more fragments, or an offset */

static __always_inline bool same(const struct weir_address* a, const struct weir_address* b) {
    return !((a->word[0] ^ b->word[0]) | (a->word[1] ^ b->word[1]) | (a->word[2] ^ b->word[2]) |
             (a->word[3] ^ b->word[3]));
}

struct segment {
    struct weir_address source;
    struct weir_address destination;
    __u16 source_port;      /* network order; of an echo request its identifier, of a reply 0 */
    __u16 destination_port; /* of a reply its identifier, of a request 0 */
    __u16 length;           /* without the IP header */
    __u8 at;                /* where the IP header begins: ETH_HLEN, or 0 (see detour_in) */
    __u8 family;
    __u8 protocol; /* as in a row's key */
    __u8 traffic_class;
    __u8 hops;
};

static __always_inline __u8 echo_type(__u8 family, bool reply) {
    if (family == WEIR_V4) return reply ? ICMP_ECHOREPLY : ICMP_ECHO;
    return reply ? ICMPV6_ECHO_REPLY : ICMPV6_ECHO_REQUEST;
}

static __always_inline bool take_echo(struct __sk_buff* skb, struct segment* segment, __u32 at) {
    struct icmp echo;
    if (bpf_skb_load_bytes(skb, at, &echo, sizeof echo) || echo.code) return false;
    bool reply = echo.type == echo_type(segment->family, true);
    if (!reply && echo.type != echo_type(segment->family, false)) return false;
    __u16 identifier = echo.rest; /* the sequence number is behind it */
    segment->protocol = IPPROTO_ICMP;
    segment->source_port = reply ? 0 : identifier;
    segment->destination_port = reply ? identifier : 0;
    return true;
}

/* What IP carries, which begins at `at`. */
static __always_inline bool take_transport(struct __sk_buff* skb, struct segment* segment, __u32 at,
                                           __u8 protocol) {
    if (protocol == (segment->family == WEIR_V4 ? IPPROTO_ICMP : IPPROTO_ICMPV6))
        return segment->length >= sizeof(struct icmp) && take_echo(skb, segment, at);
    if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP) return false;
    if (segment->length < (protocol == IPPROTO_TCP ? sizeof(struct tcphdr) : sizeof(struct udphdr)))
        return false;
    segment->protocol = protocol;
    return !bpf_skb_load_bytes(skb, at, &segment->source_port, 4);
}

static __always_inline bool take_ipv4(struct __sk_buff* skb, struct segment* segment) {
    struct iphdr ip;
    if (bpf_skb_load_bytes(skb, segment->at, &ip, sizeof ip)) return false;
    if (ip.version != 4 || ip.ihl != 5 || ip.frag_off & bpf_htons(FRAGMENT)) return false;
    if (bpf_ntohs(ip.tot_len) < sizeof ip) return false;
    segment->source.word[0] = ip.saddr;
    segment->destination.word[0] = ip.daddr;
    segment->length = bpf_ntohs(ip.tot_len) - sizeof ip;
    segment->family = WEIR_V4;
    segment->traffic_class = ip.tos;
    segment->hops = ip.ttl;
    return take_transport(skb, segment, segment->at + sizeof ip, ip.protocol);
}

static __always_inline bool take_ipv6(struct __sk_buff* skb, struct segment* segment) {
    struct ipv6hdr ip;
    if (bpf_skb_load_bytes(skb, segment->at, &ip, sizeof ip)) return false;
    if (ip.version != 6) return false;
    __builtin_memcpy(&segment->source, &ip.saddr, sizeof segment->source);
    __builtin_memcpy(&segment->destination, &ip.daddr, sizeof segment->destination);
    segment->length = bpf_ntohs(ip.payload_len);
    segment->family = WEIR_V6;
    segment->traffic_class = ip.priority << 4 | ip.flow_lbl[0] >> 4;
    segment->hops = ip.hop_limit;
    return take_transport(skb, segment, segment->at + sizeof ip, ip.nexthdr);
}

static __always_inline bool take_segment(struct __sk_buff* skb, struct segment* segment) {
    if (skb->protocol == bpf_htons(ETH_P_IP)) return take_ipv4(skb, segment);
    if (skb->protocol == bpf_htons(ETH_P_IPV6)) return take_ipv6(skb, segment);
    return false;
}
