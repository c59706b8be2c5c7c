/* Gives a packet the headers with which it leaves: link layer, tunnel, one hop less. RFC 2003 and 2473 (IP in
 * IP), RFC 2784 (GRE), draft-ietf-intarea-gue (GUE), FOU as Linux has it, RFC 6040 (TOS and ECN copied),
 * RFC 6438 and 7510 (the flow in the flow label, or in the UDP source port), RFC 6935 (UDP checksum 0). */
#pragma once

#include "engine/xdp/bpf/maps.h"

#define OUTER_HOPS 64
#define GRE_HLEN 4
#define GUE_HLEN 4
#define SHIM_MOST (sizeof(struct udphdr) + GUE_HLEN) /* the packet behind it is longer */

/* Both MACs of a frame, or of a target, copied by words. */
struct macs {
    __u32 word[3];
};

static __always_inline __u32 link_length(__u16 vlan) {
    return vlan ? ETH_HLEN + VLAN_HLEN : ETH_HLEN;
}

static __always_inline void put_link(void* data, const void* macs, __u16 vlan, __u16 type) {
    *(struct macs*)data = *(const struct macs*)macs;
    loose16* at = data + 2 * ETH_ALEN;
    if (vlan) {
        at[0] = WEIR_BE16(ETH_P_8021Q);
        at[1] = vlan;
        at += 2;
    }
    at[0] = type;
}

static __always_inline __u16 type_of(__u8 family) {
    return family == WEIR_V4 ? WEIR_BE16(ETH_P_IP) : WEIR_BE16(ETH_P_IPV6);
}

static __always_inline __u16 folded(__u64 sum) {
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return sum + (sum >> 16);
}

/* What a tunnel puts between the outer IP header and the packet. */
static __always_inline __u32 shim_length(__u8 method) {
    switch (method & WEIR_METHOD) {
        case WEIR_GRE:
            return GRE_HLEN;
        case WEIR_FOU:
            return sizeof(struct udphdr);
        case WEIR_GUE:
            return sizeof(struct udphdr) + GUE_HLEN;
    }
    return 0;
}

static __always_inline __u32 outer_length(__u8 method) {
    if ((method & WEIR_METHOD) == WEIR_DSR || (method & WEIR_METHOD) > WEIR_GUE) return 0;
    return (method & WEIR_OUTER_V6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr)) + shim_length(method);
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

/* One hop less. RFC 1141. */
static __always_inline void take_hop(void* ip, __u8 family) {
    if (family == WEIR_V4) {
        struct iphdr* v4 = ip;
        __u32 check = v4->check + 1u; /* 0x0100 as it lies in memory */
        v4->check = check + (check >= 0xffff);
        v4->ttl--;
    } else {
        ((struct ipv6hdr*)ip)->hop_limit--;
    }
}

/* Out by the interface, which may be the one that the packet came in by. */
static __always_inline int leave_by(struct xdp_md* ctx, __u32 interface) {
    return ctx->ingress_ifindex == interface ? XDP_TX : bpf_redirect_map(&devices, interface, 0);
}

/* Sends the packet as it is but for a hop, in a tunnel or in none. Returns an XDP action, or XDP_ABORTED
 * where there is no room for the headers. */
static __always_inline int send(struct xdp_md* ctx, const struct packet* p, const struct weir_target* t,
                                __u64 hash) {
    void* data = (void*)(long)ctx->data;
    void* end = (void*)(long)ctx->data_end;
    __u32 link = link_length(t->vlan), outer = outer_length(t->method);
    void* ip = data + p->at;
    if (p->at > ETH_HLEN + VLAN_HLEN || ip + sizeof(struct iphdr) > end) return XDP_ABORTED; /* it was read */
    take_hop(ip, p->key.family);
    int growth = (int)(link + outer) - p->at;
    if (growth) {
        if (bpf_xdp_adjust_head(ctx, -growth)) return XDP_ABORTED;
        data = (void*)(long)ctx->data;
        end = (void*)(long)ctx->data_end;
    }
    if (!outer) {
        if (data + ETH_HLEN + VLAN_HLEN > end) return XDP_ABORTED;
        put_link(data, t, t->vlan, type_of(p->key.family));
        return XDP_TX;
    }
    void* at = data + link;
    if (t->method & WEIR_OUTER_V6) {
        if (data + ETH_HLEN + VLAN_HLEN + sizeof(struct ipv6hdr) + SHIM_MOST > end) return XDP_ABORTED;
        put_link(data, t, t->vlan, WEIR_BE16(ETH_P_IPV6));
        put_outer_v6(at, p, t, hash);
    } else {
        if (data + ETH_HLEN + VLAN_HLEN + sizeof(struct iphdr) + SHIM_MOST > end) return XDP_ABORTED;
        put_link(data, t, t->vlan, WEIR_BE16(ETH_P_IP));
        put_outer_v4(at, p, t, hash);
    }
    return XDP_TX;
}
