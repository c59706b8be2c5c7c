/* Schedulers that do not look at the flow: its backend is known by its entry alone. So a flow that finds no
 * room for one goes by its hash, else each of its packets would go elsewhere. */
#pragma once

#include "engine/xdp/bpf/flows.h"

#define TURNS 4096 /* frontends that are so many apart share their turns */

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, TURNS);
    __type(key, __u32);
    __type(value, __u32);
} turns SEC(".maps");

/* Each CPU goes round by itself, and begins somewhere else. */
static __always_inline __u32 next_turn(const struct weir_frontend* frontend) {
    __u32 index = frontend->number % TURNS;
    __u32* turn = bpf_map_lookup_elem(&turns, &index);
    return (turn ? (*turn)++ : 0) + bpf_get_smp_processor_id() * 0x9e3779b1u;
}

/* As find_room(), where it does not matter which. */
static __always_inline int has_room(struct weir_bucket* bucket, const struct flow* f) {
#pragma unroll
    for (int way = 0; way < WEIR_WAYS; way++)
        if (displaceable(*(volatile __u64*)&bucket->entry[way], f)) return 1;
    return 0;
}

__noinline __u32 choose_freely(const struct weir_frontend* frontend, __u64 hash, __u32 half) {
    struct found found = {};
    if (!frontend || !frontend->ring_size || !find_bucket(&found, hash, &state.generation[half & 1]))
        return 0;
    find_flow(found.bucket, &found.flow);
    if (!found.flow.slot && !has_room(found.bucket, &found.flow)) return choose(frontend, hash);
    if (frontend->flags & WEIR_RANDOM) return choose(frontend, (__u64)bpf_get_prandom_u32() << 32);
    return ring_entry(frontend, next_turn(frontend) % frontend->ring_size);
}

/* The target of a flow that begins, or 0. */
static __always_inline __u32 begin(const struct weir_frontend* frontend, __u64 hash, __u32 half, __u32 mode) {
    return frontend->flags & (WEIR_TURNS | WEIR_RANDOM) && mode == REAL ? choose_freely(frontend, hash, half)
                                                                        : choose(frontend, hash);
}
