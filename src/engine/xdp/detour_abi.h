/* What the probes' way shares between its two tc programs (BPF C) and detour.cc (C++). */
#pragma once

#include "engine/xdp/abi.h"

#define WEIR_DETOURS_MAX 65536

/* Under what a probe's packets are found: its own port, or its echo requests' identifier. */
struct weir_detour_key {
    __u16 port;    /* network order */
    __u8 protocol; /* TCP, UDP, or ICMP, which here stands for ICMPv6 too */
    __u8 pad;
};
WEIR_ASSERT_SIZE(struct weir_detour_key, 4);

/* The addresses of a connection, the balancer's and the other end's. */
struct weir_ends {
    struct weir_address balancer;
    struct weir_address peer;
};
WEIR_ASSERT_SIZE(struct weir_ends, 32);

/* Row of `detours`: one connection, or one exchange of datagrams or echoes, under two names. The balancer's
 * stack talks to the backend's own address; on the wire, and so to the backend, the same goes to the VIP. */
struct weir_detour {
    struct weir_ends stack;
    struct weir_ends wire;
    __u8 stack_family; /* enum weir_family */
    __u8 wire_family;
    __u16 port;                /* the peer's, on both sides; network order; of echoes 0 */
    __u32 device;              /* the socket's: target.interface, or the kernel's VLAN device on it */
    struct weir_target target; /* as the datapath has it: how what goes to the backend looks */
};
WEIR_ASSERT_SIZE(struct weir_detour, 136);
