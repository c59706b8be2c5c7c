/* The decoder of QUIC connection ids alone. What follows the Ethernet header is taken for the UDP payload. */
#include <linux/bpf.h>
#include <linux/if_ether.h>

#include <bpf/bpf_helpers.h>

#include "engine/xdp/bpf/quic.h"

struct weir_quic_table table;
struct weir_server_id server;

SEC("xdp")
int decode(struct xdp_md* ctx) {
    const void* data = (const void*)(long)ctx->data;
    const void* end = (const void*)(long)ctx->data_end;
    struct weir_server_id found = {};
    int length = find_quic_server(data + ETH_HLEN, end, &table, &found);
    server = found;
    return length;
}

char _license[] SEC("license") = "GPL";
