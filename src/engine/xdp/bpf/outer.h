/* A tunnel's headers: what is put in front of a packet that goes to a backend by ipip, gre, fou or gue. Plain
 * C without helpers: the datapath (send.h) and the probes' way (detour.bpf.c) both include it, so that a
 * probe travels as the service's packets do. RFC 2003 and 2473 (IP in IP), RFC 2784 (GRE),
 * draft-ietf-intarea-gue (GUE), FOU as Linux has it, RFC 6040 (TOS and ECN copied), RFC 6438 and 7510 (the
 * flow in the flow label, or in the UDP source port), RFC 6935 (UDP checksum 0). */
#pragma once

#include "engine/xdp/bpf/parse.h"

#define OUTER_HOPS 64
#define GRE_HLEN 4
#define GUE_HLEN 4
#define SHIM_MOST (sizeof(struct udphdr) + GUE_HLEN) /* the packet behind it is longer */
#define OUTER_MOST (sizeof(struct ipv6hdr) + SHIM_MOST)

static __always_inline __u16 type_of(__u8 family) {
    return family == WEIR_V4 ? WEIR_BE16(ETH_P_IP) : WEIR_BE16(ETH_P_IPV6);
}

static __always_inline __u16 folded(__u64 sum) {
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return sum + (sum >> 16);
}

/* Of all headers that a tunnel puts before the packet; 0 for what is none. */
static __always_inline __u32 outer_length(__u8 method) {
    return method >> WEIR_OUTER_SHIFT << 2;
}

/* Of what is between the outer IP header and the packet. Only of tunnels. */
static __always_inline __u32 shim_length(__u8 method) {
    return outer_length(method) - (method & WEIR_OUTER_V6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));
}

static __always_inline __u8 carried(__u8 family) {
    return family == WEIR_V4 ? IPPROTO_IPIP : IPPROTO_IPV6;
}

static __always_inline __u8 outer_protocol(__u8 method, __u8 family) {
    switch (method & WEIR_METHOD) {
        case WEIR_GRE:
            return IPPROTO_GRE;
        case WEIR_FOU:
        case WEIR_GUE:
            return IPPROTO_UDP;
    }
    return carried(family);
}

static __always_inline void put_shim(void* at, const struct packet* p, const struct weir_target* t,
                                     __u64 hash) {
    switch (t->method & WEIR_METHOD) {
        case WEIR_GRE:
            *(loose32*)at = (__u32)type_of(p->key.family) << 16;
            return;
        case WEIR_FOU:
        case WEIR_GUE: {
            loose16* udp = at;
            udp[0] = WEIR_BE16(0xc000) | (__u16)(hash >> 16);
            udp[1] = t->port;
            udp[2] = __builtin_bswap16(p->length + shim_length(t->method));
            udp[3] = 0;
            if ((t->method & WEIR_METHOD) == WEIR_GUE)
                *(loose32*)(udp + 4) = (__u32)carried(p->key.family) << 8;
        }
    }
}

/* Little-endian words of the header as they lie in memory; t->source.word[1] has summed those that are the
 * same in every packet: version, DF, TTL, protocol but for the inner family's, source, destination. */
static __always_inline void put_outer_v4(void* at, const struct packet* p, const struct weir_target* t,
                                         __u64 hash) {
    struct iphdr* ip = at;
    __u16 length = __builtin_bswap16(p->length + outer_length(t->method));
    __u32 varying = (__u32)(hash >> 16) & t->vary;
    __u16 hops = OUTER_HOPS | outer_protocol(t->method, p->key.family) << 8;
    loose16* word = at;
    word[0] = 0x45 | p->tos << 8;
    word[1] = length;
    word[2] = 0;
    word[3] = WEIR_BE16(0x4000);
    word[4] = hops;
    word[5] = ~folded((__u64)t->source.word[1] + word[0] + length + hops + varying);
    *(loose32*)&ip->saddr = t->source.word[0] | varying;
    *(loose32*)&ip->daddr = t->backend.word[0];
    put_shim(ip + 1, p, t, hash);
}

static __always_inline void put_outer_v6(void* at, const struct packet* p, const struct weir_target* t,
                                         __u64 hash) {
    loose32* word = at;
    __u32 first = 0x60000000 | (__u32)p->tos << 20 | ((__u32)(hash >> 16) & 0xfffff);
    word[0] = __builtin_bswap32(first);
    word[1] = __builtin_bswap16(p->length + shim_length(t->method)) |
              (__u32)outer_protocol(t->method, p->key.family) << 16 | (__u32)OUTER_HOPS << 24;
    loose64* half = at + 8;
    half[0] = t->source.half[0];
    half[1] = t->source.half[1] | (__u64)((__u32)(hash >> 16) & t->vary) << 32;
    half[2] = t->backend.half[0];
    half[3] = t->backend.half[1];
    put_shim(at + sizeof(struct ipv6hdr), p, t, hash);
}
