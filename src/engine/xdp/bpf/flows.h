/* The flow table: which backend each flow has. One table for all CPUs, so it does not matter which of them a
 * packet meets. A bucket is one cache line of eight entries of eight bytes; bucket and tag come from one
 * keyed hash of the 5-tuple, together at least 43 bits of it, so a false match is rare (8 in 2^33 for a new
 * flow) and gives that flow a live backend of its own service: the frontend is part of the hash, and compared
 * besides. Each change is one aligned store or exchange; two CPUs that race leave at worst two entries of
 * which the first counts.
 *
 * Who may displace whom: a first packet (SYN, or whatever an attacker invents) makes an entry in state
 * WEIR_NEW, which takes a free, an expired or another WEIR_NEW entry, never one of a flow that has had a
 * second packet. So a flood can't push established flows out; where no place is left the flow is forwarded by
 * the ring alone, and counted.
 *
 * Age counts ticks of 2^age_shift jiffies (4 to 7 s) modulo 1024. An entry that nobody touches for more than
 * an hour would look young again; the daemon clears expired entries long before. */
#pragma once

#include "engine/xdp/bpf/maps.h"

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
    __u64 h = p->source.half[0] ^ secret;
    h = (h ^ h >> 32) * 0x9e3779b97f4a7c15ull; /* or a change of its highest bit would be a known one of h */
    h = (h ^ h >> 32 ^ p->source.half[1]) * 0xd6e8feb86659fd93ull;
    h = (h ^ h >> 32 ^ (__u64)p->ports << 16) * 0xa0761d6478bd642full;
    return h ^ h >> 32;
}
static __always_inline __u64 flow_hash(__u64 source, __u64 flow_key) {
    __u64 h = (source ^ flow_key) * 0xe7037ed1a0b428dbull;
    return (h ^ h >> 32) & ~WEIR_OF_A_SOURCE;
}

/* What a frontend of many addresses or protocols leaves open of a flow, for its hash. */
static __always_inline __u64 hash_open(const struct packet* p, const struct weir_frontend* frontend) {
    if (!frontend->key.vip_bits && frontend->key.protocol) return 0;
    return (p->key.vip.half[0] + p->key.protocol) * 0x9fb21c651e98df25ull +
           p->key.vip.half[1] * 0xa24baed4963ee407ull;
}

static __always_inline __u32 entry_state(__u64 entry) {
    return entry >> WEIR_STATE_SHIFT & 3;
}
static __always_inline __u32 entry_target(__u64 entry) {
    return entry >> WEIR_ID_SHIFT & (WEIR_MAX_TARGETS - 1);
}

static __always_inline int expired(__u64 entry, const struct flow* f) {
    return one_and_ticks_since((__u32)entry, f->now) > f->timeout[entry_state(entry)] + 1;
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
    return entry_state(entry) == WEIR_NEW ? 1 + one_and_ticks_since((__u32)entry, f->now) : 0;
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
    if (p->key.protocol != IPPROTO_TCP) return known ? WEIR_DATAGRAM : WEIR_NEW;
    if (p->tcp_flags & TCP_SYN) return known && state == WEIR_ESTABLISHED ? WEIR_ESTABLISHED : WEIR_NEW;
    if (p->tcp_flags & (TCP_FIN | TCP_RST)) return WEIR_CLOSING;
    if (!known) return WEIR_NEW;
    return state == WEIR_CLOSING ? WEIR_CLOSING : WEIR_ESTABLISHED;
}

/* Where flow entries may lie, and what is known of a flow. */
struct found {
    struct weir_bucket* bucket;
    struct flow flow;
    struct weir_target* target;
    __u32 id;
    int known; /* by the flow table; else the ring, or the source, chose */
};

static __always_inline __u64 make_entry(const struct flow* f, __u32 target, __u32 state) {
    return f->hash >> WEIR_TAG_SHIFT << WEIR_TAG_SHIFT | (__u64)target << WEIR_ID_SHIFT |
           (__u64)state << WEIR_STATE_SHIFT | f->now;
}

/* The target that an entry of the frontend's ring names, or 0. */
static __always_inline __u32 ring_entry(const struct weir_frontend* frontend, __u32 entry) {
    __u32 at = frontend->ring + entry;
    __u32 index = at / WEIR_RING_LINE;
    struct weir_ring_line* line = bpf_map_lookup_elem(&rings, &index);
    return line && frontend->ring_size ? line->target[at % WEIR_RING_LINE] : 0;
}

/* The target that it names for this hash, or 0. */
static __always_inline __u32 choose(const struct weir_frontend* frontend, __u64 hash) {
    return ring_entry(frontend, (__u32)((hash >> 32) * frontend->ring_size >> 32));
}

static __always_inline int find_bucket(struct found* found, __u64 hash,
                                       const struct weir_generation* generation) {
    found->flow = (struct flow){.hash = hash, .now = now_in_ticks(), .timeout = generation->timeout};
    __u32 index = (__u32)hash & (flow_buckets - 1);
    found->bucket = bpf_map_lookup_elem(&flows, &index);
    return found->bucket != 0;
}

/* Looks the flow up. It keeps its backend; one that begins anew needs a backend that takes new flows. A SYN
 * into an established flow is no new one: else anybody could move it off a backend that drains. */
static __always_inline void recall(struct found* found, const struct packet* p,
                                   const struct weir_frontend* frontend, __u32 half) {
    find_flow(found->bucket, &found->flow);
    __u64 entry = found->flow.entry;
    int begins = p->tcp_flags & TCP_SYN && entry_state(entry) != WEIR_ESTABLISHED;
    __u32 wanted = begins ? WEIR_ACCEPTS_ALL : WEIR_ACCEPTS_ESTABLISHED;
    found->id = entry_target(entry);
    found->target = 0;
    if (found->flow.slot && !expired(entry, &found->flow)) found->target = get_target(half, found->id);
    found->known =
        found->target && found->target->frontend == frontend->number && found->target->accepts >= wanted;
}

/* A flow that was entered under another secret (abi.h) keeps its backend; it gets an entry under this one. */
static __always_inline void recall_former(struct found* found, const struct packet* p,
                                          const struct weir_frontend* frontend,
                                          const struct weir_generation* generation) {
    struct found former = {};
    __u64 source = hash_source(p, state.former_secret) ^ hash_open(p, frontend);
    if (!find_bucket(&former, flow_hash(source, frontend->former_flow_key), generation)) return;
    recall(&former, p, frontend, p->half & 1);
    if (!former.known) return;
    found->id = former.id;
    found->target = former.target;
    found->known = 1;
    found->flow.slot = 0;
    found->flow.entry = former.flow.entry;
}

static __always_inline void store(struct found* found, __u64 entry) {
    struct flow* f = &found->flow;
    if (f->slot) {
        if (entry == f->entry) return;
        /* An end counts whatever another CPU writes; all else gives way, or an acknowledgement could take an
         * end back, and the flow would last until its timeout. */
        if (entry_state(entry) == WEIR_CLOSING)
            *(volatile __u64*)f->slot = entry;
        else
            __sync_val_compare_and_swap(f->slot, f->entry, entry);
        return;
    }
    __u64* room = find_room(found->bucket, f);
    struct weir_totals* mine = 0;
    if (!room) {
        mine = my_totals();
        if (mine) mine->table_full++;
        return;
    }
    if (*room && !expired(*room, f)) {
        mine = my_totals();
        if (mine) mine->evicted++;
    }
    *(volatile __u64*)room = entry;
}

/* Writes what is now known of the flow. A flow that is known and unchanged within this tick costs no store.
 */
static __always_inline void remember(struct found* found, const struct packet* p) {
    __u32 state = next_state(p, found->known, entry_state(found->flow.entry));
    if (!found->flow.slot && state == WEIR_CLOSING) return; /* the end of a flow that we do not know */
    store(found, make_entry(&found->flow, found->id, state));
}
