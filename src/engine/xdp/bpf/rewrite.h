/* Gives a packet other addresses and ports, its checksums kept right: RFC 1624 for those that are whole.
 *
 * A frame from a local socket behind a veth may carry a checksum that is left to the hardware: the field
 * holds the sum of the pseudo header alone. In native mode the kernel forgets that when the frame leaves, so
 * it is computed here; in generic mode it remembers, so the sum is carried on. A whole checksum that happens
 * to equal that sum (one in 65536) is computed anew in native mode, to the same effect. In generic mode such
 * a frame is summed: where it is right as it is, the checksum is whole. (The one of 65536 that local sockets
 * left to the hardware and that is right all the same gets a wrong one, and is sent again with a later
 * timestamp.) */
#pragma once

#include "engine/xdp/bpf/icmp.h"

#define SUM_CHUNK ((__u32)sizeof(((struct scratch*)0)->bytes))
#define SUM_CHUNKS 80 /* a packet of 10 kB */

/* The sum over the frame's bytes from `at` to `to`. */
__noinline __u32 sum_frame(struct xdp_md* ctx, __u32 at, __u32 to) {
    struct scratch* s = my_scratch();
    __u32 sum = 0;
    if (!s) return 0;
    for (int i = 0; i < SUM_CHUNKS; i++) {
        if (at + SUM_CHUNK > to) break;
        if (load(ctx, at, s->bytes, SUM_CHUNK)) return 0;
        sum = sum_of(s->bytes, SUM_CHUNK, sum);
        at += SUM_CHUNK;
    }
    __u32 last = to - at - 1; /* of what is left: so that verifiers see that the length below is not 0 */
    asm volatile("" : "+r"(last));
    if (last >= SUM_CHUNK - 1) return sum;
    __builtin_memset(s->bytes, 0, SUM_CHUNK);
    if (load(ctx, at, s->bytes, last + 1)) return 0;
    return sum_of(s->bytes, SUM_CHUNK, sum);
}

static __always_inline int checksum_offset(__u8 protocol) {
    switch (protocol) {
        case IPPROTO_TCP:
            return __builtin_offsetof(struct tcphdr, check);
        case IPPROTO_UDP:
            return __builtin_offsetof(struct udphdr, check);
        case IPPROTO_ICMPV6:
            return __builtin_offsetof(struct icmp, checksum);
    }
    return -1;
}

static __always_inline int is_generic(__u32 interface) {
    const struct weir_interface* row = bpf_map_lookup_elem(&interfaces, &interface);
    return row && row->generic;
}

/* The transport checksum after the change from `old` to `to`, whose addresses and ports are in the frame
 * already. */
static __always_inline __u16 new_checksum(struct xdp_md* ctx, const struct packet* p,
                                          const struct weir_tuple* old, const struct weir_tuple* to,
                                          __u16 check) {
    __u32 end = p->at + p->length;
    __u32 pseudo = __builtin_bswap16(p->protocol) + (__u32)__builtin_bswap16(end - p->transport);
    /* A fragment's is whole: it was computed before the packet was cut. */
    if (p->kind != FIRST_FRAGMENT && check == folded(sum_of(old, 32, pseudo))) {
        /* The field, which holds `check`, is part of what is summed; the ports are those of `to`. */
        __u64 sum = sum_frame(ctx, p->transport, end);
        if (!is_generic(ctx->ingress_ifindex)) return ~folded(sum + sum_of(to, 32, pseudo) + (__u16)~check);
        __u32 before =
            bpf_csum_diff((__be32*)&to->ports, 4, (__be32*)&old->ports, 4, sum_of(old, 32, pseudo));
        if (folded(sum + before) != 0xffff) return folded(sum_of(to, 32, pseudo));
    }
    return ~folded(bpf_csum_diff((__be32*)old, 36, (__be32*)to, 36, (__u16)~check));
}

/* The packet's own source, which of an ICMP error is not p->source. */
static __always_inline int sender_of(struct xdp_md* ctx, const struct packet* p,
                                     struct weir_address* sender) {
    __builtin_memset(sender, 0, sizeof *sender);
    if (p->key.family == WEIR_V4)
        return load(ctx, p->at + __builtin_offsetof(struct iphdr, saddr), sender, sizeof sender->word[0]);
    return load(ctx, p->at + __builtin_offsetof(struct ipv6hdr, saddr), sender, sizeof *sender);
}

/* Puts the addresses and ports of `to` into the packet; `old` becomes what it had. */
static __always_inline int rewrite(struct xdp_md* ctx, const struct packet* p, struct weir_tuple* old,
                                   const struct weir_tuple* to) {
    void* data = (void*)(long)ctx->data;
    void* end = (void*)(long)ctx->data_end;
    __u32 at = p->at, transport = p->transport;
    if (at > ETH_HLEN + VLAN_HLEN) return XDP_ABORTED;
    asm volatile("" : "+r"(transport));
    transport &= 0xfff; /* walk() ends before; Linux 6.1 wants to see a bound */
    __builtin_memset(old, 0, sizeof *old);
    if (p->key.family == WEIR_V4) {
        struct iphdr* ip = data + at;
        if ((void*)(ip + 1) > end) return XDP_ABORTED;
        old->source.word[0] = *(loose32*)&ip->saddr;
        old->destination.word[0] = *(loose32*)&ip->daddr;
        *(loose32*)&ip->saddr = to->source.word[0];
        *(loose32*)&ip->daddr = to->destination.word[0];
        ip->check = ~folded(bpf_csum_diff((__be32*)old, 32, (__be32*)to, 32, (__u16)~ip->check));
    } else {
        struct ipv6hdr* ip = data + at;
        if ((void*)(ip + 1) > end) return XDP_ABORTED;
        __builtin_memcpy(&old->source, &ip->saddr, 32);
        __builtin_memcpy(&ip->saddr, &to->source, 32);
    }
    if (p->kind == LATER_FRAGMENT) return XDP_TX;
    if (has_ports(p->protocol)) {
        loose32* ports = data + transport;
        if ((void*)(ports + 1) > end) return XDP_ABORTED;
        old->ports = *ports;
        *ports = to->ports;
    } else {
        old->ports = to->ports; /* of an error: they are not in its own header */
    }
    int offset = checksum_offset(p->protocol);
    if (offset < 0) return XDP_TX;
    __u16 check;
    if (load(ctx, transport + offset, &check, sizeof check)) return XDP_ABORTED;
    if (p->protocol == IPPROTO_UDP && check == 0) return XDP_TX; /* none: RFC 768 */
    check = new_checksum(ctx, p, old, to, check);
    if (p->protocol == IPPROTO_UDP && check == 0) check = 0xffff;
    return bpf_xdp_store_bytes(ctx, transport + offset, &check, sizeof check) ? XDP_ABORTED : XDP_TX;
}

/* Marks the packet with a DSCP (already shifted), its ECN bits kept. */
static __always_inline int mark(struct xdp_md* ctx, const struct packet* p, __u8 dscp) {
    void* data = (void*)(long)ctx->data;
    void* end = (void*)(long)ctx->data_end;
    __u32 at = p->at;
    if (at > ETH_HLEN + VLAN_HLEN || data + at + sizeof(struct iphdr) > end) return XDP_ABORTED;
    __u8 tos = dscp | (p->tos & 3);
    if (p->key.family == WEIR_V4) {
        struct iphdr* ip = data + at;
        __u32 sum = (__u16)~ip->check + (__u16) ~(__u16)(ip->tos << 8) + (__u16)(tos << 8);
        ip->tos = tos;
        ip->check = ~folded(sum);
    } else {
        loose16* first = data + at;
        *first = __builtin_bswap16((__builtin_bswap16(*first) & 0xf00f) | tos << 4);
    }
    return XDP_TX;
}
