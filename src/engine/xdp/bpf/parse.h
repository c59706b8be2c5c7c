/* From the bytes of a frame to what the datapath decides on. Plain C without helpers, so that it is also
 * compiled and fuzzed in user space. RFC 791, RFC 8200, RFC 9293, RFC 768. VLAN tags are not read: such a
 * frame is not ours yet. */
#pragma once

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "engine/xdp/abi.h"
#include "engine/xdp/bpf/words.h"

#define WEIR_BE16(x) \
    ((__u16)(((x) >> 8 & 0xff) | ((x) & 0xff) << 8)) /* BPF here and our hosts are little-endian */

enum { TCP_FIN = 0x01, TCP_SYN = 0x02, TCP_RST = 0x04, TCP_ACK = 0x10 };

struct packet {
    struct weir_key key; /* the destination */
    struct weir_address source;
    __u32 ports; /* as in the packet */
    __u32 bytes; /* of the frame, without padding */
    __u8 tcp_flags;
};

/* Ports and flags. Returns 0 or why not. */
static __always_inline __u32 parse_transport(const void* at, const void* end, struct packet* p) {
    if (p->key.protocol == IPPROTO_TCP) {
        const struct tcphdr* tcp = at;
        if ((const void*)(tcp + 1) > end) return WEIR_REASON_truncated;
        p->tcp_flags = ((const __u8*)tcp)[13];
    } else if (p->key.protocol == IPPROTO_UDP) {
        if (at + sizeof(struct udphdr) > end) return WEIR_REASON_truncated;
    } else {
        return WEIR_REASON_unmatched;
    }
    p->ports = *(const loose32*)at;
    p->key.port = p->ports >> 16;
    return 0;
}

static __always_inline __u32 parse_ipv4(const void* at, const void* end, struct packet* p) {
    const struct iphdr* ip = at;
    if ((const void*)(ip + 1) > end) return WEIR_REASON_not_ip;
    p->key.family = WEIR_V4;
    p->key.vip.half[0] = ip->daddr;
    p->source.half[0] = ip->saddr;
    __u32 header = (*(const __u8*)ip & 0xf) * 4u;
    __u32 length = WEIR_BE16(ip->tot_len);
    if (*(const __u8*)ip >> 4 != 4 || header < sizeof *ip || length < header) return WEIR_REASON_malformed;
    if (ip->frag_off & WEIR_BE16(0x3fff)) return WEIR_REASON_fragment;
    p->bytes = length + ETH_HLEN;
    p->key.protocol = ip->protocol;
    return parse_transport(at + header, end, p);
}

static __always_inline __u32 parse_ipv6(const void* at, const void* end, struct packet* p) {
    const struct ipv6hdr* ip = at;
    if ((const void*)(ip + 1) > end) return WEIR_REASON_not_ip;
    p->key.family = WEIR_V6;
    const loose64* addresses = at + __builtin_offsetof(struct ipv6hdr, saddr);
    p->source.half[0] = addresses[0];
    p->source.half[1] = addresses[1];
    p->key.vip.half[0] = addresses[2];
    p->key.vip.half[1] = addresses[3];
    if (*(const __u8*)ip >> 4 != 6) return WEIR_REASON_malformed;
    p->bytes = WEIR_BE16(ip->payload_len) + ETH_HLEN + sizeof *ip;
    switch (ip->nexthdr) {
        case IPPROTO_FRAGMENT:
            return WEIR_REASON_fragment;
        case IPPROTO_HOPOPTS:
        case IPPROTO_ROUTING:
        case IPPROTO_AH:
        case IPPROTO_DSTOPTS:
        case IPPROTO_MH:
            return WEIR_REASON_extension_header;
    }
    p->key.protocol = ip->nexthdr;
    return parse_transport(ip + 1, end, p);
}

/* 0: *p is whole. WEIR_REASON_not_ip: *p says nothing. Else the destination address and its family are right.
 */
static __always_inline __u32 parse(const void* data, const void* end, struct packet* p) {
    const struct ethhdr* eth = data;
    if ((const void*)(eth + 1) > end) return WEIR_REASON_not_ip;
    __u16 type = *(const loose16*)(data + __builtin_offsetof(struct ethhdr, h_proto));
    if (type == WEIR_BE16(ETH_P_IP)) return parse_ipv4(eth + 1, end, p);
    if (type == WEIR_BE16(ETH_P_IPV6)) return parse_ipv6(eth + 1, end, p);
    return WEIR_REASON_not_ip;
}
