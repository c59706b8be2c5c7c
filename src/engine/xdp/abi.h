/* What the datapath (BPF C) and the daemon (C++) share: the layout of the maps. Both include this file and
 * nothing else of each other. Every structure has explicit padding and a checked size. Addresses are in
 * network order, an IPv4 address in the first four bytes with the others zero. A new daemon
 * reads the tables of a former one by the names of the members (migration.h), so these may move and grow.
 * Where one comes to mean something else, or the bits of a flow entry or a hash do, WEIR_ABI changes, and
 * nothing is taken over.
 *
 * Generations: frontends and targets exist twice. The datapath reads `active` once per packet and uses that
 * half throughout; the daemon writes the other half, flips `active`, and waits for an RCU grace period before
 * it writes again. So no packet sees a half-written state. Rings are written to space that no generation
 * names, and freed after the grace period.
 */
#pragma once

#ifdef __cplusplus
#include <linux/types.h>
#define WEIR_ASSERT_SIZE(type, size) static_assert(sizeof(type) == (size))
#else
#define WEIR_ASSERT_SIZE(type, size) _Static_assert(sizeof(type) == (size), #type)
#endif

#define WEIR_ABI 4

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

/* What a frontend takes: addresses that agree with `vip` but for its last vip_bits, ports that agree with
 * `port` but for its last port_bits (16: every port), one protocol or (0) all. What is free is zero in the
 * row's key. A range of ports is several rows. */
struct weir_key {
    struct weir_address vip;
    __u16 port; /* network order */
    __u8 protocol;
    __u8 family; /* enum weir_family; WEIR_NONE: the row is empty */
    __u8 vip_bits;
    __u8 port_bits;
    __u16 pad;
};
WEIR_ASSERT_SIZE(struct weir_key, 24);

enum weir_frontend_flags {
    WEIR_STICKY = 1,    /* a new flow goes where the source's other flows go */
    WEIR_QUIC = 2,      /* UDP packets may name their server */
    WEIR_ANNOUNCED = 4, /* of a VIP's own row: answer who asks for its MAC */
    WEIR_TURNS = 8,     /* a new flow takes the ring's next entry, whatever its hash is */
    WEIR_RANDOM = 16    /* it takes any */
};

/* A row lies at one of the two places that weir_places(key, salt) names. Each VIP has a row of its own, which
 * takes every port and protocol; where no service does that, its number is 0. */
struct weir_frontend {
    struct weir_key key;
    __u64 flow_key;   /* keys the flow hash: secret, and different for each frontend */
    __u32 number;     /* within the generation, from 1 */
    __u32 ring;       /* first ring entry */
    __u32 ring_size;  /* 0: nobody takes new flows */
    __u8 flags;       /* enum weir_frontend_flags */
    __u8 source_bits; /* WEIR_STICKY: how many of the source's last bits do not count */
    __u16 pad;
    __u32 quic; /* WEIR_QUIC: row of the connection ids' forms */
    __u32 pad2;
    __u64 former_flow_key; /* weir_state.former_secret's; 0 without one */
};
WEIR_ASSERT_SIZE(struct weir_frontend, 64);

enum weir_accepts { WEIR_ACCEPTS_NOTHING = 0, WEIR_ACCEPTS_ESTABLISHED = 1, WEIR_ACCEPTS_ALL = 2 };

enum weir_method {
    WEIR_DSR = 0,
    WEIR_IPIP = 1,
    WEIR_GRE = 2,
    WEIR_FOU = 3,
    WEIR_GUE = 4,
    WEIR_DSCP = 5,
    WEIR_NAT = 6,
    WEIR_METHOD = 7, /* mask */
    WEIR_OUTER_V6 = 8
};
#define WEIR_OUTER_SHIFT 4 /* above: how many 32-bit words the tunnel's headers have */

/* One backend behind one frontend, in the line of memory that the datapath needs. Its number is its place.
 * `source` and `backend` are the outer addresses of a tunnel, those of NAT's new header, or of no use. With
 * an IPv4 outer header, source.word[1] is the sum of the header's fixed part. */
struct weir_target {
    __u8 mac[6];        /* the next hop's; with source_mac the first 12 bytes of the frame */
    __u8 source_mac[6]; /* of the interface towards it */
    __u32 interface;    /* its index */
    __u32 frontend;     /* weir_frontend.number */
    __u32 vary;         /* mask over the source's last word (network order): bits that vary with the flow */
    __u16 vlan;         /* id, network order; 0: untagged */
    __u16 room;         /* the longest IP packet that its way takes, without tunnel header */
    __u16 port;         /* network order. FOU, GUE: outer destination; NAT: the backend's, 0: as asked for;
                           DSCP: the value, shifted to its place */
    __u8 accepts;       /* enum weir_accepts */
    __u8 method;        /* enum weir_method, and the words of its headers */
    struct weir_address source;
    struct weir_address backend;
};
WEIR_ASSERT_SIZE(struct weir_target, 64);

/* Whose a target's number is, for a new daemon that adopts it. */
struct weir_name {
    struct weir_key key; /* port: the first */
    struct weir_address backend;
    __u16 more_ports; /* host order: behind key.port */
    __u8 family;      /* of the backend; WEIR_NONE: the number is free */
    __u8 retired;     /* 1: left the plan, but flow entries may still name it */
    __u32 pad;
};
WEIR_ASSERT_SIZE(struct weir_name, 48);

struct weir_ring_line {
    __u32 target[16];
};
#define WEIR_RING_LINE 16u /* entries */
WEIR_ASSERT_SIZE(struct weir_ring_line, 64);

/* Flow entry: tag 34 | target 18 | state 2 | age 10, from the high bits down. All zero: free (target 0 is
 * never given). The tag and the bucket come from one keyed hash of the 5-tuple, but for the tag's lowest bit:
 * that is 1 where the entry is of a source (WEIR_STICKY), else 0. One aligned store a change: no lock. */
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
#define WEIR_OF_A_SOURCE (1ull << WEIR_TAG_SHIFT)

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
#define WEIR_REASONS_MAX 40

struct weir_totals {
    __u64 packets[WEIR_REASONS_MAX]; /* by enum weir_reason */
    __u64 table_full;                /* flows forwarded without an entry */
    __u64 evicted;                   /* entries of new flows that made room for newer ones */
    __u64 second;                    /* the one in which `sent` of weir's own ICMP messages went */
    __u64 sent;
    __u64 pad[4];
};
WEIR_ASSERT_SIZE(struct weir_totals, 384);

/* What a key may leave open: a packet's key, masked so, is looked up. */
struct weir_shape {
    __u64 vip_mask[2];
    __u16 port_mask;
    __u8 protocol_mask;
    __u8 family;
    __u8 vip_bits;
    __u8 port_bits;
    __u16 pad;
};
WEIR_ASSERT_SIZE(struct weir_shape, 24);
#define WEIR_SHAPES 32

enum weir_generation_flags {
    WEIR_UNMATCHED_PASS = 1,
    WEIR_SEVERAL = 2,   /* interfaces: a backend may be behind another one */
    WEIR_WILDCARDS = 4, /* shapes besides the exact one and the VIPs' own */
    WEIR_HAS_NAT = 8,
    WEIR_ECHO = 16 /* answer echo requests */
};

struct weir_generation {
    __u64 salt; /* of the frontend table's hash */
    __u32 flags;
    __u32 icmp_rate;                 /* a second and CPU */
    __u32 timeout[WEIR_FLOW_STATES]; /* in ticks of the age */
    __u32 shapes;                    /* the most specific first */
    __u32 pad[7];
    struct weir_shape shape[WEIR_SHAPES];
};
WEIR_ASSERT_SIZE(struct weir_generation, 64 + WEIR_SHAPES * 24);

/* Somebody else says that a VIP is his. */
struct weir_conflict {
    struct weir_address vip;
    __u8 mac[6];
    __u8 family; /* WEIR_NONE: nobody yet */
    __u8 pad;
    __u32 interface;
    __u32 pad2;
};
WEIR_ASSERT_SIZE(struct weir_conflict, 32);

#define WEIR_CONFLICTS 16 /* the daemon takes them away every 20 ms */

/* Beside the generation in `active`: the watchdog has run out, and packets pass to the host's stack. */
#define WEIR_STOPPED 2u

/* What the daemon gives the watchdog from time to time. */
struct weir_heartbeat {
    __u64 nanoseconds; /* until the next one has to come; 0: no watchdog */
};
WEIR_ASSERT_SIZE(struct weir_heartbeat, 8);

struct weir_state {
    __u32 abi;
    __u32 active;        /* generation in use: 0 or 1; and WEIR_STOPPED */
    __u64 secret;        /* keys the flow hash, and is flow_key's origin; kept for as long as the flows are */
    __u64 former_secret; /* under which there may still be flows; 0: none */
    __u64 pad[5];
    struct weir_generation generation[2];
    struct weir_conflict conflict[WEIR_CONFLICTS]; /* the last of those whose VIPs share a place */
};
WEIR_ASSERT_SIZE(struct weir_state, 64 + 2 * (64 + WEIR_SHAPES * 24) + WEIR_CONFLICTS * 32);

/* An interface that frames come in by; the key is its index. */
struct weir_interface {
    __u8 mac[6];
    __u8 generic; /* 1: XDP runs behind the driver, so a checksum may still be left to the hardware */
    __u8 pad;
    __u32 mtu;
};
WEIR_ASSERT_SIZE(struct weir_interface, 12);

/* A packet's addresses and ports as they are on the wire. */
struct weir_tuple {
    struct weir_address source;
    struct weir_address destination;
    __u32 ports;
    __u8 protocol;
    __u8 family;
    __u16 pad;
};
WEIR_ASSERT_SIZE(struct weir_tuple, 40);

/* What a packet's tuple becomes by NAT; each flow has one for either direction. A direction's packets find
 * theirs by their own tuple. */
struct weir_translation {
    struct weir_tuple to;
    __u8 mac[6]; /* towards the client: where the flow's packets come from. Towards the backend: none */
    __u8 source_mac[6];
    __u32 interface;
    __u32 target;
    __u16 vlan;
    __u16 age;  /* in ticks, of the last packet of either direction or some ticks before */
    __u8 state; /* enum weir_flow_state */
    __u8 towards_client;
    __u8 pad[6];
};
WEIR_ASSERT_SIZE(struct weir_translation, 72);

/* Which target a QUIC server id means. */
struct weir_server_key {
    __u32 frontend; /* weir_frontend.number << 1, and the generation */
    __u8 id[16];    /* struct weir_server_id */
};
WEIR_ASSERT_SIZE(struct weir_server_key, 20);

/* Where the later fragments of a packet go: as its first one. The key is the tuple with the packet's
 * identification in the place of the ports. */
struct weir_fragment {
    struct weir_translation translation; /* of NAT; else only `target` counts */
    __u32 hash;                          /* of the flow */
    __u32 age;                           /* in ticks, of the first one */
};
WEIR_ASSERT_SIZE(struct weir_fragment, 80);

/* The two places of a frontend's row: the low and the high half of this hash, each masked to the table's
 * size. */
static inline __u64 weir_places(const struct weir_key* key, __u64 salt) {
    __u64 service = (__u64)key->port_bits << 40 | (__u64)key->vip_bits << 32 | (__u64)key->family << 24 |
                    (__u64)key->protocol << 16 | key->port;
    __u64 h = (key->vip.half[0] ^ salt) * 0x9e3779b97f4a7c15ull + key->vip.half[1] * 0xd6e8feb86659fd93ull +
              service * 0xe7037ed1a0b428dbull;
    h = (h ^ h >> 32) * 0xa0761d6478bd642full;
    return h ^ h >> 32;
}

/* The same way through the tables for several purposes, each a pair of programs: as it is; for `weir trace`,
 * where nothing is remembered, counted or sent; for `weir replay`, where what was decided is told; for `weir
 * capture`, where the frame is told too. */
enum weir_way {
    WEIR_AS_IT_IS = 0,
    WEIR_DRY_RUN = 1,
    WEIR_TRACED = 2,
    WEIR_CAPTURING = 3,
    WEIR_WAYS_THROUGH = 4
};

/* What every way but the first says besides its verdict. */
struct weir_trace {
    __u32 reason; /* enum weir_reason */
    __u32 target;
    __u32 from_flow; /* 1: the flow table knew it; 0: the ring chose */
    __u32 frontend;  /* weir_frontend.number; 0: none */
};
WEIR_ASSERT_SIZE(struct weir_trace, 16);
