/* From the bytes of a frame to what the datapath decides on, for the packets that make up nearly all traffic:
 * TCP and UDP over IPv4 or IPv6, whole, without options and extension headers, with one VLAN tag or none,
 * with hops left. What is different, or wrong, headers.h reads again from the start. Plain C without helpers,
 * so that it is also compiled and fuzzed in user space. RFC 791, RFC 8200, RFC 9293, RFC 768, IEEE 802.1Q. */
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

#define VLAN_HLEN 4

enum { TCP_FIN = 0x01, TCP_SYN = 0x02, TCP_RST = 0x04, TCP_ACK = 0x10 };

enum kind {
    WHOLE = 0,
    FIRST_FRAGMENT = 1,
    LATER_FRAGMENT = 2, /* has no ports */
    ICMP_ERROR = 3,     /* key, source and ports are those of the flow that it is about */
    ECHO_REQUEST = 4,
    SOLICITATION = 5,  /* who has key.vip? */
    ADVERTISEMENT = 6, /* I have key.vip */
};

struct packet {
    struct weir_key key;        /* what the client wants: VIP, its port, protocol */
    struct weir_address source; /* the client */
    __u32 ports;                /* as in a packet from the client */
    __u32 bytes;                /* of the frame, without padding */
    __u32 identification;       /* of a fragment */
    __u16 at;                   /* where the IP (or ARP) header begins in the frame: 14, or 18 behind a tag */
    __u16 transport;            /* where what IP carries begins */
    __u16 embedded;             /* ICMP_ERROR: where what the embedded IP packet carries begins */
    __u16 length;               /* of the IP packet */
    __u8 tos;                   /* or traffic class */
    __u8 hops;                  /* TTL or hop limit */
    __u8 tcp_flags;
    __u8 kind;
    __u8 protocol; /* of the packet itself */
    __u8 state;    /* of its flow after it; from here on: what was decided */
    __u32 target;
    __u32 opens; /* 1: the first of its flow */
    __u32 half;  /* of the tables, for as long as it is looked at */
    __u64 hash;  /* of the flow */
};

/* `length`: what the IP header says; the frame may be longer, or shorter. */
static __always_inline int parse_plain_transport(const void* at, const void* end, int length,
                                                 struct packet* p) {
    if (p->key.protocol == IPPROTO_TCP) {
        if (at + sizeof(struct tcphdr) > end || length < (int)sizeof(struct tcphdr)) return 0;
        p->tcp_flags = ((const __u8*)at)[13];
    } else if (p->key.protocol == IPPROTO_UDP) {
        if (at + sizeof(struct udphdr) > end || length < (int)sizeof(struct udphdr)) return 0;
    } else {
        return 0;
    }
    p->ports = *(const loose32*)at;
    p->key.port = p->ports >> 16;
    return 1;
}

static __always_inline int parse_plain_ip(__u16 type, const void* at, const void* end, struct packet* p) {
    if (type == WEIR_BE16(ETH_P_IP)) {
        const struct iphdr* ip = at;
        if ((const void*)(ip + 1) > end) return 0;
        p->length = __builtin_bswap16(ip->tot_len);
        p->hops = ip->ttl;
        if (*(const __u8*)at != 0x45 || ip->frag_off & WEIR_BE16(0x3fff) || p->hops <= 1) return 0;
        p->key.family = WEIR_V4;
        p->key.vip.half[0] = ip->daddr;
        p->source.half[0] = ip->saddr;
        p->key.protocol = ip->protocol;
        p->tos = ip->tos;
        p->bytes = p->at + p->length;
        return parse_plain_transport(ip + 1, end, p->length - (int)sizeof *ip, p);
    }
    if (type == WEIR_BE16(ETH_P_IPV6)) {
        const struct ipv6hdr* ip = at;
        if ((const void*)(ip + 1) > end) return 0;
        __u32 payload = __builtin_bswap16(ip->payload_len);
        const loose64* addresses = at + __builtin_offsetof(struct ipv6hdr, saddr);
        __u16 first = *(const loose16*)at;
        p->hops = ip->hop_limit;
        if ((first & 0xf0) != 0x60 || payload > 0xffff - sizeof *ip || p->hops <= 1) return 0;
        p->length = payload + sizeof *ip;
        p->key.family = WEIR_V6;
        p->source.half[0] = addresses[0];
        p->source.half[1] = addresses[1];
        p->key.vip.half[0] = addresses[2];
        p->key.vip.half[1] = addresses[3];
        p->key.protocol = ip->nexthdr;
        p->tos = __builtin_bswap16(first) >> 4;
        p->bytes = p->at + p->length;
        return parse_plain_transport(ip + 1, end, payload, p);
    }
    return 0;
}

/* 1: *p is whole. 0: ask headers.h. */
static __always_inline int parse_plain(const void* data, const void* end, struct packet* p) {
    if (data + ETH_HLEN + VLAN_HLEN > end) return 0;
    __u16 type = *(const loose16*)(data + __builtin_offsetof(struct ethhdr, h_proto));
    if (type == WEIR_BE16(ETH_P_8021Q)) {
        p->at = ETH_HLEN + VLAN_HLEN;
        type = *(const loose16*)(data + p->at - 2);
        return parse_plain_ip(type, data + ETH_HLEN + VLAN_HLEN, end, p);
    }
    p->at = ETH_HLEN;
    return parse_plain_ip(type, data + ETH_HLEN, end, p);
}
