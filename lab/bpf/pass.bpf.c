/* XDP_PASS. A veth delivers what its peer sends by XDP_TX or redirect only while it has an XDP program of its
 * own. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("xdp")
int pass(struct xdp_md* ctx) {
    return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
