/* Who asks for the MAC of a VIP is answered, where no router brings the VIPs (`announce: arp:`); who says
 * that a VIP is his is reported. RFC 826, RFC 4861, RFC 5227. */
#pragma once

#include "engine/xdp/bpf/icmp.h"

static __always_inline int answer_arp(struct xdp_md* ctx, __u32 at, const struct weir_interface* ours) {
    struct {
        __u16 operation;
        __u8 sender_mac[6], sender[4], target_mac[6], target[4];
    } __attribute__((packed)) arp;
    __u8 link[ETH_ALEN * 2];
    if (load(ctx, at + 6, &arp, sizeof arp)) return XDP_ABORTED;
    __u32 vip;
    __builtin_memcpy(&vip, arp.target, sizeof vip);
    __builtin_memcpy(arp.target_mac, arp.sender_mac, sizeof arp.target_mac);
    __builtin_memcpy(arp.target, arp.sender, sizeof arp.target);
    __builtin_memcpy(arp.sender_mac, ours->mac, sizeof arp.sender_mac);
    __builtin_memcpy(arp.sender, &vip, sizeof arp.sender);
    arp.operation = WEIR_BE16(ARPOP_REPLY);
    __builtin_memcpy(link, arp.target_mac, ETH_ALEN);
    __builtin_memcpy(link + ETH_ALEN, ours->mac, ETH_ALEN);
    if (bpf_xdp_store_bytes(ctx, at + 6, &arp, sizeof arp)) return XDP_ABORTED;
    if (bpf_xdp_store_bytes(ctx, 0, link, sizeof link)) return XDP_ABORTED;
    return XDP_TX;
}

/* Behind the IPv6 header, as it is summed up with the pseudo header of RFC 8200 in front. */
struct advertisement {
    struct weir_address source, destination;
    __u32 length, next;
    __u8 type, code;
    __u16 checksum;
    __u32 flags;
    struct weir_address target;
    __u8 option, option_length, mac[6];
};
#define ADVERTISEMENT_LENGTH (sizeof(struct advertisement) - __builtin_offsetof(struct advertisement, type))

/* The advertisement takes the solicitation's place, with an option of 8 bytes; what is behind it is cut. */
static __always_inline int answer_solicitation(struct xdp_md* ctx, const struct packet* p,
                                               const struct weir_interface* ours) {
    struct scratch* s = my_scratch();
    __u8 link[ETH_ALEN * 2];
    __u32 at = p->at;
    if (!s || load(ctx, 0, link, sizeof link)) return XDP_ABORTED;
    int unspecified = !p->source.half[0] && !p->source.half[1]; /* it asks whether the address is free */
    struct ipv6hdr ip = {};
    _Static_assert(sizeof(struct advertisement) <= sizeof s->bytes, "the scratch is too small");
    struct advertisement* out = (struct advertisement*)s->bytes;
    __builtin_memset(out, 0, sizeof *out);
    out->source = p->key.vip;
    out->destination = p->source;
    if (unspecified) { /* ff02::1 */
        out->destination.word[0] = WEIR_BE16(0xff02);
        out->destination.word[3] = 1u << 24;
    }
    out->length = __builtin_bswap32(ADVERTISEMENT_LENGTH);
    out->next = __builtin_bswap32(IPPROTO_ICMPV6);
    out->type = NEIGHBOUR_ADVERTISEMENT;
    out->flags = unspecified ? 0x20 : 0x60; /* solicited, override */
    out->target = p->key.vip;
    out->option = 2; /* target link-layer address */
    out->option_length = 1;
    __builtin_memcpy(out->mac, ours->mac, sizeof out->mac);
    out->checksum = ~folded(sum_of(out, sizeof *out, 0));
    *(__u8*)&ip = 0x60;
    ip.payload_len = __builtin_bswap16(ADVERTISEMENT_LENGTH);
    ip.nexthdr = IPPROTO_ICMPV6;
    ip.hop_limit = 255;
    __builtin_memcpy(&ip.saddr, &out->source, 32);

    long surplus = (long)ctx->data_end - (long)ctx->data - (long)(at + sizeof ip + ADVERTISEMENT_LENGTH);
    if (surplus != 0 && bpf_xdp_adjust_tail(ctx, -surplus)) return XDP_ABORTED;
    if (unspecified) {
        link[0] = link[1] = 0x33;
        link[2] = link[3] = link[4] = 0;
        link[5] = 1;
    } else {
        __builtin_memcpy(link, link + ETH_ALEN, ETH_ALEN);
    }
    __builtin_memcpy(link + ETH_ALEN, ours->mac, ETH_ALEN);
    if (bpf_xdp_store_bytes(ctx, 0, link, sizeof link)) return XDP_ABORTED;
    if (bpf_xdp_store_bytes(ctx, at, &ip, sizeof ip)) return XDP_ABORTED;
    return bpf_xdp_store_bytes(ctx, at + sizeof ip, &out->type, ADVERTISEMENT_LENGTH) ? XDP_ABORTED : XDP_TX;
}

static __always_inline void note_conflict(struct xdp_md* ctx, const struct packet* p,
                                          const struct weir_address* vip, const __u8* mac) {
    __u64 place = vip->half[0] ^ vip->half[1];
    place ^= place >> 32;
    place ^= place >> 16;
    place ^= place >> 8;
    struct weir_conflict* conflict = &state.conflict[place % WEIR_CONFLICTS];
    conflict->vip = *vip;
    __builtin_memcpy(conflict->mac, mac, sizeof conflict->mac);
    conflict->interface = ctx->ingress_ifindex;
    conflict->family = p->key.family;
}

static __always_inline int is_announced(const struct packet* p, enum row wanted) {
    const struct weir_frontend* row = match(p, wanted);
    return row && row->flags & WEIR_ANNOUNCED;
}

/* A question or an announcement about the address p->key.vip. Who asks says, too, that an address is his. */
__noinline int neighbour(struct xdp_md* ctx, const struct packet* p, struct weir_trace* trace, __u32 mode) {
    __u32 interface = ctx->ingress_ifindex, differ = 0;
    if (!p) return XDP_PASS;
    const struct weir_interface* ours = bpf_map_lookup_elem(&interfaces, &interface);
    int announced = is_announced(p, OWN_ROW), asks = p->kind == SOLICITATION;
    int claims = asks ? is_announced(p, SENDERS_ROW) : announced;
    __u8 sender[ETH_ALEN];
    if (!(announced || claims) || !ours || load(ctx, ETH_ALEN, sender, sizeof sender))
        return leave(p->key.family == WEIR_V4 ? WEIR_REASON_not_ip : WEIR_REASON_not_vip, trace, mode);
    for (int i = 0; i < ETH_ALEN; i++) differ |= sender[i] ^ ours->mac[i];
    if (claims && differ) {
        if (mode == REAL) note_conflict(ctx, p, asks ? &p->source : &p->key.vip, sender);
        return leave(WEIR_REASON_conflict, trace, mode);
    }
    if (!asks || !announced) return leave(WEIR_REASON_not_for_us, trace, mode);
    if (mode == DRY) return leave(WEIR_REASON_neighbour, trace, mode);
    int answered =
        p->key.family == WEIR_V4 ? answer_arp(ctx, p->at, ours) : answer_solicitation(ctx, p, ours);
    return answered == XDP_TX ? leave(WEIR_REASON_neighbour, trace, mode)
                              : leave(WEIR_REASON_truncated, trace, mode);
}
