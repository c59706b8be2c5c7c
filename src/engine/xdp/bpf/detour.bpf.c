#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("tc")
int detour_out(struct __sk_buff* ctx) {
    return 0;
}

char _license[] SEC("license") = "GPL";
