/* The datapath's tables, and what is counted. abi.h says what is in them. */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "engine/xdp/bpf/headers.h"
#include "engine/xdp/quic_abi.h"

/* Sizes are set when the object is loaded; the daemon sets max_entries to match. */
const volatile __u32 frontend_slots = 1; /* rows of a generation, a power of two */
const volatile __u32 target_slots = 1;   /* rows of a generation, and of a CPU's counters */
const volatile __u32 flow_buckets = 1;   /* a power of two */
const volatile __u32 age_shift = 10;
const volatile __u32 jiffies_a_second = 1000;

#define WEIR_ARRAY(map, row)               \
    struct {                               \
        __uint(type, BPF_MAP_TYPE_ARRAY);  \
        __uint(map_flags, BPF_F_MMAPABLE); \
        __uint(max_entries, 1);            \
        __type(key, __u32);                \
        __type(value, struct row);         \
    } map SEC(".maps")

#define WEIR_HASH(map, kind, flags, room, key_type, row) \
    struct {                                             \
        __uint(type, kind);                              \
        __uint(map_flags, flags);                        \
        __uint(max_entries, room);                       \
        __type(key, key_type);                           \
        __type(value, row);                              \
    } map SEC(".maps")

WEIR_ARRAY(frontends, weir_frontend);
WEIR_ARRAY(targets, weir_target);
WEIR_ARRAY(names, weir_name); /* the daemon's; here so that it lives and dies with the others */
WEIR_ARRAY(rings, weir_ring_line);
WEIR_ARRAY(flows, weir_bucket);
WEIR_ARRAY(counters, weir_counter);
WEIR_ARRAY(totals, weir_totals);
WEIR_HASH(interfaces, BPF_MAP_TYPE_HASH, 0, 256, __u32, struct weir_interface);
WEIR_HASH(devices, BPF_MAP_TYPE_DEVMAP_HASH, 0, 256, __u32, __u32);
WEIR_HASH(fragments, BPF_MAP_TYPE_LRU_HASH, 0, 8192, struct weir_tuple, struct weir_fragment);
/* Flows that have only begun, and those of which a second packet has come: so a flood of first packets
 * displaces none but first packets. */
WEIR_HASH(nat_new, BPF_MAP_TYPE_LRU_HASH, 0, 1, struct weir_tuple, struct weir_translation);
WEIR_HASH(nat, BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC, 1, struct weir_tuple, struct weir_translation);

WEIR_ARRAY(quics, weir_quic_table);
WEIR_HASH(servers, BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC, 1, struct weir_server_key, __u32);

struct weir_state state SEC(".data.state");

/* What is too large for the stack. */
struct scratch {
    struct packet packet;
    __u8 bytes[128];
    struct weir_tuple key, reverse, old, embedded, turned;
    struct weir_translation there, back;
    struct weir_fragment fragment;
    struct weir_target hop;
};
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct scratch);
} scratch SEC(".maps");

static __always_inline struct scratch* my_scratch(void) {
    __u32 zero = 0;
    return bpf_map_lookup_elem(&scratch, &zero);
}

enum { REAL = 0, DRY = 1 };

enum { PASS = 0, DROP = 1, REPLY = 2 };
static const __u64 kVerdicts = 0 /* two bits a reason */
#define REASON(name, verdict, text) | (__u64)verdict << 2 * WEIR_REASON_##name
#include "engine/xdp/reasons.def"
#undef REASON
    ;
_Static_assert(WEIR_REASONS <= 32, "the verdicts take a second word");

static __always_inline __u32 now_in_ticks(void) {
    return bpf_jiffies64() >> age_shift & WEIR_AGE_MASK;
}

/* How many ticks ago an age was written, and one: another processor may be a tick further than this one, and
 * what it writes is not the oldest there is, but the newest. */
static __always_inline __u32 one_and_ticks_since(__u32 age, __u32 now) {
    return (now + 1 - age) & WEIR_AGE_MASK;
}

static __always_inline struct weir_totals* my_totals(void) {
    __u32 cpu = bpf_get_smp_processor_id();
    return bpf_map_lookup_elem(&totals, &cpu);
}

/* Ends a packet that is not forwarded: counted under its one reason. `trace` may be NULL. */
static __always_inline int leave(__u32 reason, struct weir_trace* trace, __u32 mode) {
    if (trace) trace->reason = reason;
    if (mode == REAL) {
        struct weir_totals* mine = my_totals();
        if (mine && reason < WEIR_REASONS_MAX) mine->packets[reason]++;
    }
    __u32 verdict = kVerdicts >> 2 * reason & 3;
    return verdict == REPLY ? XDP_TX : verdict == DROP ? XDP_DROP : XDP_PASS;
}

static __always_inline void count(__u32 id, __u32 bytes, __u32 new_flow) {
    __u32 index = bpf_get_smp_processor_id() * target_slots + id;
    struct weir_counter* counter = bpf_map_lookup_elem(&counters, &index);
    if (!counter) return;
    counter->packets++;
    counter->bytes += bytes;
    if (new_flow) counter->flows++;
}

/* Whether weir may send one more ICMP message of its own in this second. */
static __always_inline int may_send(const struct weir_generation* generation) {
    struct weir_totals* mine = my_totals();
    __u64 second = bpf_jiffies64() / jiffies_a_second;
    if (!mine) return 0;
    if (mine->second != second) {
        mine->second = second;
        mine->sent = 0;
    }
    return mine->sent++ < generation->icmp_rate;
}

static __always_inline struct weir_target* get_target(__u32 half, __u32 id) {
    __u32 index = half * target_slots + id;
    return bpf_map_lookup_elem(&targets, &index);
}
