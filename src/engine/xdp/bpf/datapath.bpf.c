/* Layer-2 direct server return: a packet for a VIP gets the MAC of its flow's backend and goes out where it
 * came in. parse -> frontend -> flow table or ring -> target -> count -> rewrite both MACs -> XDP_TX. On the
 * way of a known flow there is no helper call that is not inlined: tables are arrays, settings constants, the
 * age comes from jiffies. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "engine/xdp/bpf/flows.h"

/* Sizes are set when the object is loaded; the daemon sets max_entries to match. */
const volatile __u32 frontend_slots = 1; /* rows of a generation, a power of two */
const volatile __u32 target_slots = 1;   /* rows of a generation, and of a CPU's counters */
const volatile __u32 flow_buckets = 1;   /* a power of two */
const volatile __u32 age_shift = 10;

#define WEIR_ARRAY(map, row)                    \
    struct {                                    \
        __uint(type, BPF_MAP_TYPE_ARRAY);       \
        __uint(map_flags, BPF_F_MMAPABLE);      \
        __uint(max_entries, 1);                 \
        __uint(key_size, sizeof(__u32));        \
        __uint(value_size, sizeof(struct row)); \
    } map SEC(".maps")

WEIR_ARRAY(frontends, weir_frontend);
WEIR_ARRAY(targets, weir_target);
WEIR_ARRAY(rings, weir_ring_line);
WEIR_ARRAY(flows, weir_bucket);
WEIR_ARRAY(counters, weir_counter);
WEIR_ARRAY(totals, weir_totals);

struct weir_state state SEC(".data.state");
struct weir_trace trace; /* of the last dry run */

enum { REAL = 0, DRY = 1 };

/* Bit n is set where reason n drops; the others pass. */
static const __u32 kDropped = 0
#define PASS 0u
#define DROP 1u
#define REASON(name, verdict, text) | verdict << WEIR_REASON_##name
#include "engine/xdp/reasons.def"
#undef REASON
    ;

static __always_inline struct weir_totals* my_totals(void) {
    __u32 cpu = bpf_get_smp_processor_id();
    return bpf_map_lookup_elem(&totals, &cpu);
}

/* Ends a packet that is not forwarded: counted under its one reason. */
static __always_inline int leave(__u32 reason, int mode) {
    if (mode == DRY) {
        trace.reason = reason;
    } else {
        struct weir_totals* mine = my_totals();
        if (mine && reason < WEIR_REASONS_MAX) mine->packets[reason]++;
    }
    return kDropped >> reason & 1 ? XDP_DROP : XDP_PASS;
}

static __always_inline int same_key(const struct weir_key* a, const struct weir_key* b) {
    return a->vip.half[0] == b->vip.half[0] && a->vip.half[1] == b->vip.half[1] &&
           *(const __u64*)&a->port == *(const __u64*)&b->port;
}

static __always_inline struct weir_frontend* find_frontend(const struct weir_key* key, __u32 half,
                                                           __u64 salt) {
    __u64 places = weir_places(key, salt);
    __u32 index = half * frontend_slots + ((__u32)places & (frontend_slots - 1));
    struct weir_frontend* row = bpf_map_lookup_elem(&frontends, &index);
    if (row && same_key(&row->key, key)) return row;
    index = half * frontend_slots + ((__u32)(places >> 32) & (frontend_slots - 1));
    row = bpf_map_lookup_elem(&frontends, &index);
    return row && same_key(&row->key, key) ? row : 0;
}

/* A packet that no frontend takes: not for a VIP, or for a VIP but `reason`. */
static __always_inline int strange(struct packet* p, __u32 reason, __u32 half, int mode) {
    const struct weir_generation* generation = &state.generation[half];
    p->key.port = 0;
    p->key.protocol = 0;
    if (!find_frontend(&p->key, half, generation->salt)) return leave(WEIR_REASON_not_vip, mode);
    if (reason == WEIR_REASON_unmatched && generation->unmatched_pass) reason = WEIR_REASON_unmatched_passed;
    return leave(reason, mode);
}

static __always_inline struct weir_target* get_target(__u32 half, __u32 id) {
    __u32 index = half * target_slots + id;
    return bpf_map_lookup_elem(&targets, &index);
}

/* The target that the frontend's ring names for this hash, or 0. */
static __always_inline __u32 choose(const struct weir_frontend* frontend, __u64 hash) {
    __u32 at = frontend->ring + (__u32)((hash >> 32) * frontend->ring_size >> 32);
    __u32 index = at / WEIR_RING_LINE;
    struct weir_ring_line* line = bpf_map_lookup_elem(&rings, &index);
    return line && frontend->ring_size ? line->target[at % WEIR_RING_LINE] : 0;
}

static __always_inline void count(__u32 id, __u32 bytes, __u32 new_flow) {
    __u32 index = bpf_get_smp_processor_id() * target_slots + id;
    struct weir_counter* counter = bpf_map_lookup_elem(&counters, &index);
    if (!counter) return;
    counter->packets++;
    counter->bytes += bytes;
    counter->flows += new_flow;
}

/* Writes what is now known of the flow. A flow that is known and unchanged within this tick costs no store.
 */
static __always_inline void remember(struct weir_bucket* bucket, struct flow* f, const struct packet* p,
                                     __u32 id, int known) {
    __u32 state = next_state(p, known, entry_state(f->entry));
    __u64 entry = make_entry(f, id, state);
    if (f->slot) {
        if (entry != f->entry) *(volatile __u64*)f->slot = entry;
        return;
    }
    if (state == WEIR_CLOSING) return; /* the end of a flow that we do not know */
    __u64* room = find_room(bucket, f);
    if (room) {
        *(volatile __u64*)room = entry;
    } else {
        struct weir_totals* mine = my_totals();
        if (mine) mine->table_full++;
    }
}

/* Both MACs of a header or a target, copied by words. */
struct macs {
    __u32 word[3];
};

static __always_inline int forward(struct xdp_md* ctx, int mode) {
    void* data = (void*)(long)ctx->data;
    void* end = (void*)(long)ctx->data_end;
    struct packet p = {};
    __u32 reason = parse(data, end, &p);
    if (reason == WEIR_REASON_not_ip) return leave(reason, mode);

    __u32 half = *(volatile __u32*)&state.active & 1;
    const struct weir_generation* generation = &state.generation[half];
    __u64 source = hash_source(&p, state.secret);
    struct weir_frontend* frontend = reason ? 0 : find_frontend(&p.key, half, generation->salt);
    if (!frontend) return strange(&p, reason ? reason : WEIR_REASON_unmatched, half, mode);

    struct flow f = {.hash = flow_hash(source, frontend->flow_key),
                     .now = bpf_jiffies64() >> age_shift & WEIR_AGE_MASK,
                     .timeout = generation->timeout};
    __u32 index = (__u32)f.hash & (flow_buckets - 1);
    struct weir_bucket* bucket = bpf_map_lookup_elem(&flows, &index);
    if (!bucket) return leave(WEIR_REASON_no_backend, mode);
    find_flow(bucket, &f);

    /* A flow keeps its backend; one that begins anew needs a backend that takes new flows. A SYN into an
     * established flow is no new one: else anybody could move it off a backend that drains. */
    int begins = p.tcp_flags & TCP_SYN && entry_state(f.entry) != WEIR_ESTABLISHED;
    __u32 wanted = begins ? WEIR_ACCEPTS_ALL : WEIR_ACCEPTS_ESTABLISHED;
    __u32 id = entry_target(f.entry);
    struct weir_target* target = 0;
    if (f.slot && !expired(f.entry, &f)) target = get_target(half, id);
    int known = target && target->frontend == frontend->number && target->accepts >= wanted;
    if (!known) {
        id = choose(frontend, f.hash);
        target = get_target(half, id);
        if (!id || !target || target->accepts == WEIR_ACCEPTS_NOTHING)
            return leave(WEIR_REASON_no_backend, mode);
    }

    /* Only what was sent to us: a switch that floods also shows us the frames that we have already sent on.
     */
    if (data + ETH_HLEN > end) return XDP_ABORTED; /* the verifier's: parse() has looked */
    if (*(__u32*)data != *(__u32*)target->source_mac ||
        *(__u16*)(data + 4) != *(__u16*)(target->source_mac + 4))
        return leave(WEIR_REASON_not_for_us, mode);

    if (mode == DRY) {
        trace.reason = WEIR_FORWARDED;
        trace.target = id;
        trace.from_flow = known;
    } else {
        remember(bucket, &f, &p, id, known);
        count(id, p.bytes, !known);
    }
    *(struct macs*)data = *(const struct macs*)target;
    return XDP_TX;
}

SEC("xdp.frags")
int weir(struct xdp_md* ctx) {
    return forward(ctx, REAL);
}

/* The same, but nothing is remembered or counted: for `weir trace`. */
SEC("xdp.frags")
int weir_dry(struct xdp_md* ctx) {
    return forward(ctx, DRY);
}

char _license[] SEC("license") = "GPL";
