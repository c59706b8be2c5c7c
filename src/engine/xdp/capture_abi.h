/* What the datapath and the daemon share for `weir capture`. Not pinned: it lives and dies with the program,
 * so a change needs no new WEIR_ABI. */
#pragma once

#include "engine/xdp/abi.h"

#define WEIR_SNAP_LEAST 64 /* bytes: every header that a filter looks at */
#define WEIR_SNAP_MOST 9216
#define WEIR_CAPTURE_RING (4 << 20) /* bytes */

/* What is wanted. */
struct weir_capture {
    struct weir_address client, client_mask;
    __u8 family;     /* of the client; WEIR_NONE: everybody */
    __u8 by_service; /* 1: only of the frontends in `chosen` */
    __u16 pad;
    __u32 snaplen;
    __u64 lost; /* what the ring had no room for */
};
WEIR_ASSERT_SIZE(struct weir_capture, 48);

struct weir_captured {
    __u64 time; /* of CLOCK_MONOTONIC */
    struct weir_trace trace;
    __u32 verdict;   /* an XDP action */
    __u32 interface; /* by which it came in */
    __u32 length;    /* of the frame as it came in */
    __u32 half;      /* the generation */
    __u32 snapped;   /* bytes that follow */
    __u32 pad;
    __u8 bytes[WEIR_SNAP_MOST];
};
WEIR_ASSERT_SIZE(struct weir_captured, 48 + WEIR_SNAP_MOST);

/* A key of `chosen`. */
#define WEIR_CHOSEN(half, frontend) ((half) << 31 | (frontend))
