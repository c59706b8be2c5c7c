/* The packets of the benches: a header that is the same for all, and a flow's number in the client's address
 * and port. Shared by the BPF programs that send and the C++ that says what. */
#pragma once

#include <linux/types.h>

#define BENCH_WORDS 9    /* of the frame are written anew for every packet: all headers */
#define BENCH_LENGTH 80u /* of the frame */

enum bench_order {
    BENCH_IN_TURN = 0,    /* flow 0, 1, … flows - 1, and again */
    BENCH_AT_RANDOM = 1,  /* any of 0 … flows - 1 */
    BENCH_NEVER_AGAIN = 2 /* each packet a flow that was not there before */
};

/* Where a frame has the client's address and port. */
enum bench_layout {
    BENCH_V4 = 0,
    BENCH_V6 = 1,
    BENCH_V4_TAGGED = 2, /* with a VLAN tag */
    BENCH_V4_ANSWER = 3, /* to the client */
    BENCH_V4_ECHO = 4,   /* no port */
    BENCH_V4_ERROR = 5   /* of ICMP: in the packet that it embeds, which goes to the client */
};

struct bench_traffic {
    __u64 header[BENCH_WORDS]; /* what a flow's number fills is zero */
    __s32 growth;              /* of the frame, expected of the program under test */
    __u32 order;               /* enum bench_order */
    __u32 flows;
    __u32 layout; /* enum bench_layout */
};

struct bench_progress {
    __u32 next;   /* flow, but for BENCH_AT_RANDOM */
    __u32 random; /* not 0 */
};

#define BENCH_INLINE static inline __attribute__((always_inline))

BENCH_INLINE __u32 next_flow(const struct bench_traffic* t, struct bench_progress* at) {
    if (t->order == BENCH_AT_RANDOM) { /* xorshift, and a product in place of a division */
        __u32 x = at->random;
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        at->random = x;
        return (__u64)x * t->flows >> 32;
    }
    __u32 flow = at->next;
    at->next = t->order == BENCH_IN_TURN && flow + 1 >= t->flows ? 0 : flow + 1;
    return flow;
}

/* Whole words, because a program that reads a wide field over narrower stores waits for them. The identifier
 * of an IPv4 packet is the complement of the address's low half, so the header's checksum stays right. */
BENCH_INLINE void write_flow(const struct bench_traffic* t, __u64* frame, __u32 flow) {
    __u64 address = __builtin_bswap16((__u16)flow);
    __u64 port = __builtin_bswap16((__u16)(1024 + (flow >> 16)));
    __u64 identifier = address ^ 0xffff;
    __u64 word[BENCH_WORDS] = {};
    switch (t->layout) {
        case BENCH_V4:
            word[2] = identifier << 16; /* bytes 18, 19 */
            word[3] = address << 32;    /* 28, 29 */
            word[4] = port << 16;       /* 34, 35 */
            break;
        case BENCH_V6:
            word[4] = address << 32; /* 36, 37 */
            word[6] = port << 48;    /* 54, 55 */
            break;
        case BENCH_V4_TAGGED:
            word[2] = identifier << 48;     /* 22, 23 */
            word[4] = address | port << 48; /* 32, 33 and 38, 39 */
            break;
        case BENCH_V4_ANSWER:
            word[2] = identifier << 16;     /* 18, 19 */
            word[4] = address | port << 32; /* 32, 33 and 36, 37 */
            break;
        case BENCH_V4_ECHO:
            word[2] = identifier << 16; /* 18, 19 */
            word[3] = address << 32;    /* 28, 29 */
            break;
        case BENCH_V4_ERROR:
            word[5] = identifier << 48; /* 46, 47 */
            word[7] = address << 32;    /* 60, 61 */
            word[8] = port;             /* 64, 65 */
            break;
        default: /* the header as it is */
            break;
    }
    for (int i = 0; i < BENCH_WORDS; i++) frame[i] = t->header[i] | word[i];
}
