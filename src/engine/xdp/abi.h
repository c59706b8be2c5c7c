/* What the datapath (BPF C) and the daemon (C++) share: the layout of the maps. Both include this file and
 * nothing else of each other. Every structure has explicit padding and a checked size. Addresses are in
 * network order, an IPv4 address in the first four bytes with the others zero. Changing a layout needs a new
 * WEIR_ABI, and then no map is adopted.
 *
 * Generations: frontends and targets exist twice. The datapath reads `active` once per packet and uses that
 * half; the daemon writes the other half, flips `active`, and waits for an RCU grace period before it writes
 * again. So no packet sees a half-written state. Rings are written to space that no generation names, and
 * freed after the grace period.
 */
#pragma once

#ifdef __cplusplus
#include <linux/types.h>
#define WEIR_ASSERT_SIZE(type, size) static_assert(sizeof(type) == (size))
#else
#define WEIR_ASSERT_SIZE(type, size) _Static_assert(sizeof(type) == (size), #type)
#endif

#define WEIR_ABI 1

#define WEIR_ID_BITS 18u /* a target's number in a flow entry */
#define WEIR_MAX_TARGETS (1u << WEIR_ID_BITS)
#define WEIR_WAYS 8 /* flow entries in a bucket */

enum weir_family { WEIR_NONE = 0, WEIR_V4 = 4, WEIR_V6 = 6 };

struct weir_address {
    union {
        __u64 half[2];
        __u32 word[4];
    };
};
WEIR_ASSERT_SIZE(struct weir_address, 16);

/* port and protocol 0: the VIP itself, for packets that no frontend matches. */
struct weir_key {
    struct weir_address vip;
    __u16 port; /* network order */
    __u8 protocol;
    __u8 family; /* enum weir_family; WEIR_NONE: the row is empty */
    __u32 pad;
};
WEIR_ASSERT_SIZE(struct weir_key, 24);

/* A row lies at one of the two places that weir_places(key, salt) names. */
struct weir_frontend {
    struct weir_key key;
    __u64 flow_key;  /* keys the flow hash: secret, and different for each frontend */
    __u32 number;    /* within the generation, from 1; 0 for the VIP's own row */
    __u32 ring;      /* first ring entry */
    __u32 ring_size; /* 0: nobody takes new flows */
    __u32 pad[5];
};
WEIR_ASSERT_SIZE(struct weir_frontend, 64);

enum weir_accepts { WEIR_ACCEPTS_NOTHING = 0, WEIR_ACCEPTS_ESTABLISHED = 1, WEIR_ACCEPTS_ALL = 2 };

/* One backend behind one frontend. Its number is its place; it says whose it is, so that a new daemon can
 * adopt it. */
struct weir_target {
    __u8 mac[6];        /* the backend's; with source_mac the first 12 bytes of the frame */
    __u8 source_mac[6]; /* of the interface towards it */
    __u32 frontend;     /* weir_frontend.number */
    __u32 accepts;      /* enum weir_accepts */
    __u8 family;        /* of the backend; WEIR_NONE: the number is free */
    __u8 retired;       /* 1: left the plan, but flow entries may still name it */
    __u8 pad[2];
    struct weir_key key;
    struct weir_address backend;
};
WEIR_ASSERT_SIZE(struct weir_target, 64);

struct weir_ring_line {
    __u32 target[16];
};
#define WEIR_RING_LINE 16u /* entries */
WEIR_ASSERT_SIZE(struct weir_ring_line, 64);

/* Flow entry: tag 34 | target 18 | state 2 | age 10, from the high bits down. All zero: free (target 0 is
 * never given). The tag and the bucket come from one keyed hash of the 5-tuple. One aligned store a change:
 * no lock. */
enum weir_flow_state {
    WEIR_NEW = 0,
    WEIR_ESTABLISHED = 1,
    WEIR_CLOSING = 2,
    WEIR_DATAGRAM = 3,
    WEIR_FLOW_STATES = 4
};
#define WEIR_AGE_BITS 10
#define WEIR_AGE_MASK ((1u << WEIR_AGE_BITS) - 1)
#define WEIR_STATE_SHIFT WEIR_AGE_BITS
#define WEIR_ID_SHIFT (WEIR_STATE_SHIFT + 2)
#define WEIR_TAG_SHIFT (WEIR_ID_SHIFT + WEIR_ID_BITS)

struct weir_bucket {
    __u64 entry[WEIR_WAYS];
};
WEIR_ASSERT_SIZE(struct weir_bucket, 64);

/* `counters` has a row of targets for each CPU, and one more that the daemon owns, for what it carries over.
 */
struct weir_counter {
    __u64 packets;
    __u64 bytes;
    __u64 flows;
    __u64 pad;
};
WEIR_ASSERT_SIZE(struct weir_counter, 32);

enum weir_reason {
    WEIR_FORWARDED = 0, /* no reason: it went */
#define REASON(name, verdict, text) WEIR_REASON_##name,
#include "engine/xdp/reasons.def"
#undef REASON
    WEIR_REASONS
};
#define WEIR_REASONS_MAX 31

struct weir_totals {
    __u64 packets[WEIR_REASONS_MAX]; /* by enum weir_reason */
    __u64 table_full;                /* flows forwarded without an entry */
};
WEIR_ASSERT_SIZE(struct weir_totals, 256);

struct weir_generation {
    __u64 salt; /* of the frontend table's hash */
    __u32 unmatched_pass;
    __u32 pad;
    __u32 timeout[WEIR_FLOW_STATES]; /* in ticks of the age */
};
WEIR_ASSERT_SIZE(struct weir_generation, 32);

struct weir_state {
    __u32 abi;
    __u32 active; /* generation in use: 0 or 1 */
    struct weir_generation generation[2];
    __u64 secret; /* keys the flow hash, and is flow_key's origin; kept for as long as the flows are */
    __u64 pad[6];
};
WEIR_ASSERT_SIZE(struct weir_state, 128);

/* The two places of a frontend's row: the low and the high half of this hash, each masked to the table's
 * size. */
static inline __u64 weir_places(const struct weir_key* key, __u64 salt) {
    __u64 service = (__u64)key->port << 16 | (__u64)key->protocol << 8 | key->family;
    __u64 h = (key->vip.half[0] ^ salt) * 0x9e3779b97f4a7c15ull + key->vip.half[1] * 0xd6e8feb86659fd93ull +
              service * 0xe7037ed1a0b428dbull;
    h = (h ^ h >> 32) * 0xa0761d6478bd642full;
    return h ^ h >> 32;
}

/* What the dry run says besides its verdict. */
struct weir_trace {
    __u32 reason; /* enum weir_reason */
    __u32 target;
    __u32 from_flow; /* 1: the flow table knew it; 0: the ring chose */
    __u32 pad;
};
WEIR_ASSERT_SIZE(struct weir_trace, 16);
