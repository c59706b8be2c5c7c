/* Makes a test run with `repeat` honest. The kernel hands the program the frame as the last run left it: one
 * that rewrites or grows the packet would meet its own output. Here each run checks what the last one left,
 * takes off what it added, writes the next flow's headers, and jumps into the program under test, whose
 * verdict is the run's. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "traffic.h"

struct bench_traffic traffic;
struct bench_progress progress;
__u64 runs;
__u64 wrong_length;
__u64 unchanged; /* the MACs are as they were sent */

struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32);
} subject SEC(".maps");

SEC("xdp.frags")
int repeat(struct xdp_md* ctx) {
    void* data = (void*)(long)ctx->data;
    void* end = (void*)(long)ctx->data_end;
    long growth = end - data - BENCH_LENGTH;
    if (runs > 0) {
        wrong_length += growth != traffic.growth;
        if (data + sizeof(__u64) <= end) unchanged += *(__u64*)data == traffic.header[0];
    }
    /* Called even for no growth, so that it costs every subject the same. */
    if (bpf_xdp_adjust_head(ctx, growth)) return XDP_ABORTED;
    data = (void*)(long)ctx->data;
    end = (void*)(long)ctx->data_end;
    if (data + BENCH_LENGTH > end) return XDP_ABORTED;
    write_flow(&traffic, data, next_flow(&traffic, &progress));
    /* Locked: waits until the stores are done, so that the subject neither stalls on them nor overlaps with
     * them. */
    __sync_fetch_and_add(&runs, 1);
    bpf_tail_call(ctx, &subject, 0);
    return XDP_ABORTED;
}

/* The floor: the least that sends a frame back. */
SEC("xdp.frags")
int swap_macs(struct xdp_md* ctx) {
    __u16* mac = (void*)(long)ctx->data;
    if ((void*)(mac + 6) > (void*)(long)ctx->data_end) return XDP_DROP;
#pragma unroll
    for (int i = 0; i < 3; i++) {
        __u16 destination = mac[i];
        mac[i] = mac[i + 3];
        mac[i + 3] = destination;
    }
    return XDP_TX;
}

char _license[] SEC("license") = "GPL";
