/* The datapath's tables as another version might have laid them out: members in another place, of another
 * size, missing, or unknown here. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "engine/xdp/abi.h"

struct former_key {
    __u8 protocol;
    __u8 family;
    __u8 vip_bits;
    __u8 port_bits;
    __u16 port;
    __u16 pad;
    struct weir_address vip;
};
struct former_name {
    __u32 color; /* unknown here */
    __u8 retired;
    __u8 family;
    __u16 more_ports;
    struct weir_address backend;
    struct former_key key;
};
struct former_target {
    struct weir_address backend, source;
    __u32 accepts; /* of another size */
    __u32 frontend;
    __u32 interface;
    __u16 room;
    __u16 vlan;
    __u8 source_mac[6];
    __u8 mac[6];
    __u8 method;
    __u8 pad[3];
};
struct former_counter {
    __u64 flows;
    __u32 packets;
    __u32 pad;
};
struct former_totals {
    __u64 packets[20];
    __u64 table_full;
};
struct former_generation {
    __u32 timeout[WEIR_FLOW_STATES];
    __u64 salt;
};
struct former_state {
    __u64 secret;
    __u32 active;
    __u32 abi;
    struct former_generation generation[2];
};

#define TABLE(map, row)                   \
    struct {                              \
        __uint(type, BPF_MAP_TYPE_ARRAY); \
        __uint(max_entries, 1);           \
        __type(key, __u32);               \
        __type(value, struct row);        \
    } map SEC(".maps")

TABLE(names, former_name);
TABLE(targets, former_target);
TABLE(counters, former_counter);
TABLE(totals, former_totals);
TABLE(state, former_state);

char _license[] SEC("license") = "GPL";
