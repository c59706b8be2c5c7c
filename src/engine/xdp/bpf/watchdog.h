/* `watchdog:` says how long the datapath goes on without a daemon. A kernel timer counts that down; each
 * heartbeat of the daemon's winds it up again. So no packet has to read a clock: each reads state.active
 * anyway. */
#pragma once

#include "engine/xdp/bpf/maps.h"

#define CLOCK_MONOTONIC 1 /* stands still while the machine sleeps, as the daemon does */

struct watchdog {
    struct bpf_timer timer;
};
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct watchdog);
} watchdog SEC(".maps");

static int run_out(void* map, __u32* key, struct watchdog* dog) {
    __sync_fetch_and_or(&state.active, WEIR_STOPPED);
    return 0;
}

SEC("syscall")
int weir_heartbeat(struct weir_heartbeat* beat) {
    __u32 zero = 0;
    struct watchdog* dog = bpf_map_lookup_elem(&watchdog, &zero);
    if (!dog) return 1;
    bpf_timer_init(&dog->timer, &watchdog, CLOCK_MONOTONIC); /* only the first time */
    bpf_timer_cancel(&dog->timer);
    __sync_fetch_and_and(&state.active, ~WEIR_STOPPED);
    if (!beat->nanoseconds) return 0;
    /* Each time anew: the timer outlives the program that set it. */
    if (bpf_timer_set_callback(&dog->timer, run_out)) return 1;
    return bpf_timer_start(&dog->timer, beat->nanoseconds, 0) ? 1 : 0;
}
