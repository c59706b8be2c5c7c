/* What the decapsulator's program and lab/decap.cc share. Addresses are in network order, an IPv4 address in
 * the first word and zeros behind it; the rest is in host order. */
#pragma once

#include <linux/types.h>

enum {
    DECAP_IPIP, /* the five methods: packets that were right, and went on to the stack */
    DECAP_GRE,
    DECAP_FOU,
    DECAP_GUE,
    DECAP_DSCP,
    DECAP_PLAIN_UDP,    /* of these: with the outer UDP checksum 0, "not computed" */
    DECAP_BAD_CHECKSUM, /* dropped: the outer IPv4 header's, UDP's or GRE's is wrong */
    DECAP_MALFORMED,    /* dropped: the headers contradict each other or the packet's length */
    DECAP_REFUSED,      /* dropped: the kernel would not strip the headers */
    DECAP_COUNTS,
};

enum { DECAP_LAST = 64 }; /* outer headers remembered */

struct decap_address {
    __u32 word[4];
};

/* The outer headers of one packet. */
struct decap_outer {
    struct decap_address source;
    struct decap_address destination;
    __u32 flow_label;
    __u32 gre_key;
    __u16 source_port; /* UDP's */
    __u16 size;        /* of all outer headers together */
    __u8 v6;
    __u8 has_gre_key;
    __u8 tos; /* or traffic class */
    __u8 ttl; /* or hop limit */
};

struct decap_code_point {
    __u8 dscp;
    __u8 v6;
};
