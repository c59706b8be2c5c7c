/* The flow table: which backend each flow has. One table for all CPUs, so it does not matter which of them a
 * packet meets. A bucket is one cache line of eight entries of eight bytes; bucket and tag come from one
 * keyed hash of the 5-tuple, together at least 44 bits of it, so a false match is rare (8 in 2^34 for a new
 * flow) and gives that flow a live backend of its own service: the frontend is part of the hash, and compared
 * besides. Each change is one aligned store; two CPUs that race leave at worst two entries of which the first
 * counts.
 *
 * Who may displace whom: a first packet (SYN, or whatever an attacker invents) makes an entry in state
 * WEIR_NEW, which takes a free, an expired or another WEIR_NEW entry, never one of a flow that has proved to
 * be two-way. So a flood can't push established flows out; where no place is left the flow is forwarded by
 * the ring alone, and counted.
 *
 * Age counts ticks of 2^age_shift jiffies (some 4 s) modulo 1024. An entry that nobody touches for 70 minutes
 * would look young again; the daemon clears expired entries long before. */
#pragma once

#include "engine/xdp/bpf/parse.h"

struct flow {
    __u64 hash;
    __u64* slot; /* the entry of this flow, or 0 */
    __u64 entry; /* what it held */
    __u32 now;
    const __u32* timeout;
};

/* In two steps: most of it needs only the secret, so the processor does it while it looks for the frontend.
 */
static __always_inline __u64 hash_source(const struct packet* p, __u64 secret) {
    __u64 h = (p->source.half[0] ^ secret) * 0x9e3779b97f4a7c15ull;
    h = (h ^ h >> 32 ^ p->source.half[1]) * 0xd6e8feb86659fd93ull;
    h = (h ^ h >> 32 ^ (__u64)p->ports << 16) * 0xa0761d6478bd642full;
    return h ^ h >> 32;
}
static __always_inline __u64 flow_hash(__u64 source, __u64 flow_key) {
    __u64 h = (source ^ flow_key) * 0xe7037ed1a0b428dbull;
    return h ^ h >> 32;
}

static __always_inline __u32 entry_state(__u64 entry) {
    return entry >> WEIR_STATE_SHIFT & 3;
}
static __always_inline __u32 entry_target(__u64 entry) {
    return entry >> WEIR_ID_SHIFT & (WEIR_MAX_TARGETS - 1);
}

static __always_inline int expired(__u64 entry, const struct flow* f) {
    return ((f->now - (__u32)entry) & WEIR_AGE_MASK) > f->timeout[entry_state(entry)];
}

static __always_inline void find_flow(struct weir_bucket* bucket, struct flow* f) {
    f->slot = 0;
#pragma unroll
    for (int way = 0; way < WEIR_WAYS; way++) {
        __u64 entry = *(volatile __u64*)&bucket->entry[way];
        if ((entry ^ f->hash) >> WEIR_TAG_SHIFT == 0) {
            f->slot = &bucket->entry[way];
            f->entry = entry;
            break;
        }
    }
}

/* How fit an entry is to be displaced: 0 not at all. */
static __always_inline __u32 displaceable(__u64 entry, const struct flow* f) {
    if (entry == 0) return ~0u;
    if (expired(entry, f)) return ~0u - 1;
    return entry_state(entry) == WEIR_NEW ? 1 + ((f->now - (__u32)entry) & WEIR_AGE_MASK) : 0;
}

/* A place for a flow that has none, or 0. */
static __always_inline __u64* find_room(struct weir_bucket* bucket, const struct flow* f) {
    __u64* room = 0;
    __u32 best = 0;
#pragma unroll
    for (int way = 0; way < WEIR_WAYS; way++) {
        __u32 fit = displaceable(*(volatile __u64*)&bucket->entry[way], f);
        if (fit > best) {
            best = fit;
            room = &bucket->entry[way];
        }
    }
    return room;
}

/* The state of a flow after this packet; `known` says that it had an entry that held. */
static __always_inline __u32 next_state(const struct packet* p, int known, __u32 state) {
    if (p->key.protocol == IPPROTO_UDP) return known ? WEIR_DATAGRAM : WEIR_NEW;
    if (p->tcp_flags & TCP_SYN) return known && state == WEIR_ESTABLISHED ? WEIR_ESTABLISHED : WEIR_NEW;
    if (p->tcp_flags & (TCP_FIN | TCP_RST)) return WEIR_CLOSING;
    if (!known) return WEIR_NEW;
    return state == WEIR_CLOSING ? WEIR_CLOSING : WEIR_ESTABLISHED;
}

static __always_inline __u64 make_entry(const struct flow* f, __u32 target, __u32 state) {
    return f->hash >> WEIR_TAG_SHIFT << WEIR_TAG_SHIFT | (__u64)target << WEIR_ID_SHIFT |
           (__u64)state << WEIR_STATE_SHIFT | f->now;
}
