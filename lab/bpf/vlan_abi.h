/* What the VLAN end's programs and lab/vlan.cc share. */
#pragma once

#include <linux/types.h>

enum { VLAN_IDS = 4096 };
enum { VLAN_V4 = 4, VLAN_V6 = 6 };

/* A prefix of the longest-prefix-match table. Network order; an IPv4 address is in the first word. */
struct vlan_prefix {
    __u32 bits; /* that count: the family's word, and so many of the address */
    __u32 family;
    __u32 word[4];
};
