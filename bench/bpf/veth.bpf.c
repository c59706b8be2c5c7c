/* Live frames over a veth pair: `send` runs once for each frame and sends it out of the interface that the
 * test run names; the program under test at the other end returns it by XDP_TX; `sink` counts it and lets it
 * go. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "traffic.h"

struct bench_traffic traffic;
struct bench_progress progress;
__u64 returned; /* one CPU does it all */
__u64 changed;  /* of these, with other MACs */

SEC("xdp")
int send(struct xdp_md* ctx) {
    void* data = (void*)(long)ctx->data;
    if (data + BENCH_LENGTH > (void*)(long)ctx->data_end) return XDP_ABORTED;
    write_flow(&traffic, data, next_flow(&traffic, &progress));
    return XDP_TX;
}

SEC("xdp")
int sink(struct xdp_md* ctx) {
    void* data = (void*)(long)ctx->data;
    if (data + sizeof(__u64) > (void*)(long)ctx->data_end) return XDP_DROP;
    returned++;
    changed += *(__u64*)data != traffic.header[0];
    return XDP_DROP;
}

char _license[] SEC("license") = "GPL";
