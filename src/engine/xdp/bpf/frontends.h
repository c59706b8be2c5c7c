/* Which service a packet is for. */
#pragma once

#include "engine/xdp/bpf/maps.h"

static __always_inline int same_key(const struct weir_key* a, const struct weir_key* b) {
    return a->vip.half[0] == b->vip.half[0] && a->vip.half[1] == b->vip.half[1] &&
           *(const __u64*)&a->port == *(const __u64*)&b->port;
}

#define NOWHERE (~0u)

/* The row of this key, and its place. */
static __always_inline struct weir_frontend* find_frontend(const struct weir_key* key, __u32 half, __u64 salt,
                                                           __u32* place) {
    __u64 places = weir_places(key, salt);
    __u32 slots = frontend_slots, begin = half * slots;
    *place = begin + ((__u32)places & (slots - 1));
    struct weir_frontend* row = bpf_map_lookup_elem(&frontends, place);
    if (row && same_key(&row->key, key)) return row;
    *place = begin + ((__u32)(places >> 32) & (slots - 1));
    row = bpf_map_lookup_elem(&frontends, place);
    return row && same_key(&row->key, key) ? row : 0;
}

/* The row of a VIP that has no frontend for this port and protocol. */
static __always_inline struct weir_frontend* find_vip(const struct packet* p, __u32 half, __u64 salt) {
    struct weir_key key = {.vip = p->key.vip, .family = p->key.family, .port_bits = 16};
    __u32 place;
    return find_frontend(&key, half, salt, &place);
}

/* Which row is wanted: the most specific one that takes the packet, else the VIP's own; the VIP's own in any
 * case; or that of a VIP which the packet comes from. */
enum row { ANY_ROW, OWN_ROW, SENDERS_ROW };

/* Its place, or NOWHERE. */
__noinline __u32 match_place(const struct packet* p, __u32 wanted) {
    __u32 own = NOWHERE;
    if (!p) return NOWHERE;
    __u32 half = p->half & 1, only_own = wanted != ANY_ROW;
    const struct weir_generation* generation = &state.generation[half];
    struct weir_address vip = wanted == SENDERS_ROW ? p->source : p->key.vip;
    for (__u32 i = 0; i < WEIR_SHAPES; i++) {
        if (i >= generation->shapes) break;
        const struct weir_shape* shape = &generation->shape[i];
        if (shape->family != p->key.family) continue;
        if (only_own && (shape->protocol_mask || shape->port_mask)) continue;
        struct weir_key key = {
            .vip.half = {vip.half[0] & shape->vip_mask[0], vip.half[1] & shape->vip_mask[1]},
            .port = p->key.port & shape->port_mask,
            .protocol = p->key.protocol & shape->protocol_mask,
            .family = p->key.family,
            .vip_bits = shape->vip_bits,
            .port_bits = shape->port_bits};
        __u32 place;
        struct weir_frontend* row = find_frontend(&key, half, generation->salt, &place);
        if (row && (row->number || only_own)) return place;
        if (row && own == NOWHERE) own = place;
    }
    return own;
}

static __always_inline struct weir_frontend* match(const struct packet* p, enum row wanted) {
    __u32 place = match_place(p, wanted);
    return bpf_map_lookup_elem(&frontends, &place);
}

/* Ends a packet that no frontend takes: one for a VIP, whose row this is, or (0) for nobody of ours. */
static __always_inline int strange(const struct weir_frontend* vip, __u32 reason,
                                   const struct weir_generation* generation, struct weir_trace* trace,
                                   __u32 mode) {
    if (!vip) return leave(WEIR_REASON_not_vip, trace, mode);
    if (reason == WEIR_REASON_unmatched && generation->flags & WEIR_UNMATCHED_PASS)
        reason = WEIR_REASON_unmatched_passed;
    return leave(reason, trace, mode);
}
