/* Source stickiness: a new flow goes where the source's other flows went last. The source, cut to the bits
 * that count, has an entry of its own in the flow table, beside those of its flows; without one the ring
 * decides by the source alone, so that all balancers decide alike. The entry is WEIR_NEW, and may be
 * displaced by a flood, until a second packet of one of the source's flows comes; from then on it lives as
 * long as they do. */
#pragma once

#include "engine/xdp/bpf/turns.h"

static __always_inline __u64 without_last_bits(__u64 half, __u32 bits) {
    if (bits >= 64) return 0;
    return __builtin_bswap64(__builtin_bswap64(half) >> bits << bits);
}

static __always_inline void cut_source(struct packet* p, __u32 bits) {
    if (p->key.family == WEIR_V4) {
        p->source.half[0] = without_last_bits(p->source.half[0] << 32, bits) >> 32;
        return;
    }
    p->source.half[1] = without_last_bits(p->source.half[1], bits);
    if (bits > 64) p->source.half[0] = without_last_bits(p->source.half[0], bits - 64);
}

/* The entry of the packet's source: *found as of a flow. */
static __always_inline int find_source(struct found* found, const struct packet* packet,
                                       const struct weir_frontend* frontend) {
    __u32 half = packet->half & 1;
    struct packet p = {
        .key.family = packet->key.family, .key.protocol = packet->key.protocol, .source = packet->source};
    cut_source(&p, frontend->source_bits);
    __u64 hash = flow_hash(hash_source(&p, state.secret), frontend->flow_key) | WEIR_OF_A_SOURCE;
    if (!find_bucket(found, hash, &state.generation[half])) return 0;
    find_flow(found->bucket, &found->flow);
    found->id = entry_target(found->flow.entry);
    if (found->flow.slot && !expired(found->flow.entry, &found->flow))
        found->target = get_target(half, found->id);
    return 1;
}

/* The target of a new flow of this source, or 0. */
__noinline __u32 choose_by_source(const struct packet* packet, const struct weir_frontend* frontend,
                                  __u32 mode) {
    struct found found = {};
    __u32 held = WEIR_NEW;
    if (!packet || !frontend || !find_source(&found, packet, frontend)) return 0;
    if (found.target && found.target->frontend == frontend->number &&
        found.target->accepts == WEIR_ACCEPTS_ALL)
        held = entry_state(found.flow.entry);
    else
        found.id = begin(frontend, found.flow.hash, packet->half, mode);
    if (found.id && mode == REAL) store(&found, make_entry(&found.flow, found.id, held));
    return found.id;
}

/* The target of a new flow where more than its hash decides, or 0. What makes no entry takes no turn. */
__noinline __u32 choose_otherwise(const struct packet* packet, const struct weir_frontend* frontend,
                                  __u32 mode) {
    if (!packet || !frontend) return 0;
    if (packet->kind == ICMP_ERROR || packet->tcp_flags & (TCP_FIN | TCP_RST)) mode = DRY;
    return frontend->flags & WEIR_STICKY ? choose_by_source(packet, frontend, mode)
                                         : begin(frontend, packet->hash, packet->half, mode);
}

/* Whether a flow's entry is to be written anew, and its source's with it. */
static __always_inline int is_due(const struct flow* flow) {
    return entry_state(flow->entry) == WEIR_NEW || ((__u32)flow->entry ^ flow->now) & WEIR_AGE_MASK;
}

/* A flow of this source goes on. */
__noinline int keep_source(const struct packet* packet, const struct weir_frontend* frontend, __u32 id) {
    struct found found = {};
    if (!packet || !frontend || !find_source(&found, packet, frontend)) return 0;
    store(&found, make_entry(&found.flow, id, WEIR_ESTABLISHED));
    return 0;
}
