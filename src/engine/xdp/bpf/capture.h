/* For `weir capture`: each packet's frame as it came in, with what was decided. Only the capturing programs
 * come here. */
#pragma once

#include "engine/xdp/bpf/maps.h"
#include "engine/xdp/bpf/words.h"
#include "engine/xdp/capture_abi.h"

struct weir_capture capture;

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, WEIR_CAPTURE_RING);
} captured SEC(".maps");
WEIR_HASH(chosen, BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC, 65536, __u32, __u8);
/* One packet a CPU is on its way: the frame is kept here before anything is changed. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct weir_captured);
} on_its_way SEC(".maps");

static __always_inline struct weir_captured* my_captured(void) {
    __u32 zero = 0;
    return bpf_map_lookup_elem(&on_its_way, &zero);
}

/* Before the packet is looked at. */
static __always_inline void keep_head(struct xdp_md* ctx) {
    struct weir_captured* c = my_captured();
    if (!c) return;
    __u32 size = bpf_xdp_get_buff_len(ctx);
    c->time = bpf_ktime_get_ns();
    c->interface = ctx->ingress_ifindex;
    c->length = size;
    c->snapped = 0;
    __builtin_memset(c->bytes, 0, WEIR_SNAP_LEAST);
    if (size > capture.snaplen) size = capture.snaplen;
    asm volatile("" : "+r"(size)); /* the verifier is to see both bounds on this register */
    if (size < ETH_HLEN || size > WEIR_SNAP_MOST) return; /* "!= 0" tells Linux 6.1 nothing */
    if (!bpf_xdp_load_bytes(ctx, 0, c->bytes, size)) c->snapped = size;
}

/* Whether it comes from the client, or goes there. */
static __always_inline int is_of_client(const __u8* frame) {
    const struct weir_address *of = &capture.client, *mask = &capture.client_mask;
    const __u8* ip = frame + ETH_HLEN;
    __u16 type = *(const loose16*)(frame + 2 * ETH_ALEN);
    if (type == WEIR_BE16(ETH_P_8021Q)) {
        type = *(const loose16*)(ip + 2);
        ip += VLAN_HLEN;
    }
    if (capture.family == WEIR_V4)
        return type == WEIR_BE16(ETH_P_IP) && ((*(const loose32*)(ip + 12) & mask->word[0]) == of->word[0] ||
                                               (*(const loose32*)(ip + 16) & mask->word[0]) == of->word[0]);
    const loose64* addresses = (const loose64*)(ip + 8);
    return type == WEIR_BE16(ETH_P_IPV6) &&
           (((addresses[0] & mask->half[0]) == of->half[0] &&
             (addresses[1] & mask->half[1]) == of->half[1]) ||
            ((addresses[2] & mask->half[0]) == of->half[0] && (addresses[3] & mask->half[1]) == of->half[1]));
}

static __always_inline int is_wanted(const struct weir_captured* c, const struct weir_trace* trace,
                                     __u32 half) {
    if (capture.by_service) {
        __u32 frontend = trace->frontend;
        if (!frontend && trace->target) { /* NAT's answers and later fragments find their target alone */
            struct weir_target* target = get_target(half, trace->target);
            frontend = target ? target->frontend : 0;
        }
        __u32 key = WEIR_CHOSEN(half, frontend);
        if (!frontend || !bpf_map_lookup_elem(&chosen, &key)) return 0;
    }
    return capture.family == WEIR_NONE || is_of_client(c->bytes);
}

/* When it has been decided. */
static __always_inline int show(const struct weir_trace* trace, int verdict) {
    struct weir_captured* c = my_captured();
    __u32 half = *(volatile __u32*)&state.active & 1;
    if (!c || !is_wanted(c, trace, half)) return verdict;
    c->trace = *trace;
    c->verdict = verdict;
    c->half = half;
    __u32 size = c->snapped;
    asm volatile("" : "+r"(size));
    if (size > WEIR_SNAP_MOST) return verdict;
    /* Nobody sleeps on the ring: it is read every few milliseconds. */
    if (bpf_ringbuf_output(&captured, c, __builtin_offsetof(struct weir_captured, bytes) + size,
                           BPF_RB_NO_WAKEUP))
        __sync_fetch_and_add(&capture.lost, 1);
    return verdict;
}
