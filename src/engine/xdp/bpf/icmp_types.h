/* ICMP's and ICMPv6's header and types (RFC 792, 4443, 4861): the kernel's own headers for them include the
 * C library's. */
#pragma once

#include <linux/types.h>

struct icmp {
    __u8 type, code;
    __u16 checksum;
    __u32 rest;
};
enum {
    ICMP_ECHOREPLY = 0,
    ICMP_DEST_UNREACH = 3,
    ICMP_ECHO = 8,
    ICMP_TIME_EXCEEDED = 11,
    ICMP_PARAMETERPROB = 12
};
enum { ICMP_FRAG_NEEDED = 4 };
enum {
    ICMPV6_DEST_UNREACH = 1,
    ICMPV6_PKT_TOOBIG = 2,
    ICMPV6_TIME_EXCEED = 3,
    ICMPV6_PARAMPROB = 4,
    ICMPV6_ECHO_REQUEST = 128,
    ICMPV6_ECHO_REPLY = 129,
    NEIGHBOUR_SOLICITATION = 135,
    NEIGHBOUR_ADVERTISEMENT = 136
};
