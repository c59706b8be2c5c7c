/* What the probes' way shares between its two tc programs (BPF C) and detour.cc (C++). */
#pragma once

#include "engine/xdp/abi.h"

#define WEIR_DETOURS_MAX 65536 /* one for each port */

/* The addresses of a connection, the balancer's and the other end's. */
struct weir_ends {
    struct weir_address balancer;
    struct weir_address peer;
};
WEIR_ASSERT_SIZE(struct weir_ends, 32);

/* Row of `detours`, under the probe's own port in network order: one connection under two names. The
 * balancer's stack talks to the backend's own address; on the wire, and so to the backend, the same
 * connection goes to the VIP. */
struct weir_detour {
    struct weir_ends stack;
    struct weir_ends wire;
    __u8 stack_family; /* enum weir_family */
    __u8 wire_family;
    __u16 port;                /* the peer's, on both sides; network order */
    __u32 device;              /* the socket's: target.interface, or the kernel's VLAN device on it */
    struct weir_target target; /* as the datapath has it: how what goes to the backend looks */
};
WEIR_ASSERT_SIZE(struct weir_detour, 136);
