/* The probes' way: gives a probe's packets the VIP as their destination when they leave, and the headers, tag
 * or mark with which the datapath would send them; takes the VIP out of the answers before the stack sees
 * them. Where the VIP and the backend's address are of different families, the IP header is translated too.
 * Contract: detour_abi.h; reasons: doc/adr/0002-probe-path.md. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "engine/xdp/bpf/outer.h"
#include "engine/xdp/bpf/refusal.h"
#include "engine/xdp/bpf/rename.h"
#include "engine/xdp/bpf/segment.h"
#include "engine/xdp/detour_abi.h"

#define VLAN_ID 0xfff
#define BROUGHT_HOME 0x7765 /* in skb->tc_index, which nobody looks at: this program has seen the packet */

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, WEIR_DETOURS_MAX);
    __type(key, struct weir_detour_key);
    __type(value, struct weir_detour);
} detours SEC(".maps");

static __always_inline const struct weir_detour* find(const struct segment* segment, __u16 own_port) {
    struct weir_detour_key key = {.port = own_port, .protocol = segment->protocol};
    return bpf_map_lookup_elem(&detours, &key);
}

/* Tells the kernel what is in front, in case it still has to cut the packet or to sum it up. */
static __always_inline __u64 room_flags(__u8 method) {
    __u64 outer = method & WEIR_OUTER_V6 ? BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 : BPF_F_ADJ_ROOM_ENCAP_L3_IPV4;
    outer |= BPF_F_ADJ_ROOM_FIXED_GSO; /* the socket leaves room for the headers */
    switch (method & WEIR_METHOD) {
        case WEIR_GRE:
            return outer | BPF_F_ADJ_ROOM_ENCAP_L4_GRE;
        case WEIR_FOU:
        case WEIR_GUE:
            return outer | BPF_F_ADJ_ROOM_ENCAP_L4_UDP;
    }
    return outer;
}

/* Puts the tunnel's headers in front of the packet, which is of `family`; where the method is no tunnel,
 * none. */
static __always_inline int encapsulate(struct __sk_buff* skb, const struct segment* segment, __u8 family,
                                       const struct weir_target* target) {
    __u32 length = segment->length + (family == WEIR_V6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));
    struct packet inner = {.key.family = family, .length = length, .tos = segment->traffic_class};
    __u64 flow = segment->source_port * 0x9e3779b97f4a7c15ull; /* spread over all bits, as the datapath's */
    __u64 header[OUTER_MOST / 8 + 1] = {};
    __u32 outer = outer_length(target->method);
    asm volatile(
        ""
        : "+r"(outer)); /* Linux 6.1 is to see both bounds on this register; "!= 0" tells it nothing */
    if (outer < sizeof(struct iphdr)) return 0;
    if (outer > OUTER_MOST || length + outer > 0xffff) return -1;
    if (bpf_skb_adjust_room(skb, outer, BPF_ADJ_ROOM_MAC, room_flags(target->method))) return -1;
    __u16 type = type_of(target->method & WEIR_OUTER_V6 ? WEIR_V6 : WEIR_V4);
    if (target->method & WEIR_OUTER_V6)
        put_outer_v6(header, &inner, target, flow);
    else
        put_outer_v4(header, &inner, target, flow);
    if (bpf_skb_store_bytes(skb, offsetof(struct ethhdr, h_proto), &type, sizeof type, 0)) return -1;
    return bpf_skb_store_bytes(skb, ETH_HLEN, header, outer, BPF_F_RECOMPUTE_CSUM);
}

/* The tag of the target's VLAN, unless the kernel's device of that VLAN has given it. */
static __always_inline int tag(struct __sk_buff* skb, const struct weir_target* target) {
    if (!target->vlan || skb->vlan_present) return 0;
    return bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), bpf_ntohs(target->vlan));
}

/* TC_ACT_UNSPEC: the filters behind this one see the packet too. A probe that fails is better than one that
 * asks the wrong address: what cannot be changed whole is dropped. */
SEC("tc")
int detour_out(struct __sk_buff* skb) {
    struct segment segment = {.at = ETH_HLEN};
    if (!take_segment(skb, &segment)) return TC_ACT_UNSPEC;
    const struct weir_detour* row = find(&segment, segment.source_port);
    if (!row || row->stack_family != segment.family || row->port != segment.destination_port)
        return TC_ACT_UNSPEC;
    if (!same(&row->stack.balancer, &segment.source) || !same(&row->stack.peer, &segment.destination))
        return TC_ACT_UNSPEC;
    const struct weir_ends* to = &row->wire;
    if ((row->target.method & WEIR_METHOD) == WEIR_DSCP) { /* the mark stands for the VIP */
        to = &row->stack;
        segment.traffic_class = row->target.port | (segment.traffic_class & 3);
    }
    segment.source = to->balancer;
    segment.destination = to->peer;
    if (rewrite(skb, &segment, row->wire_family, &row->stack, to)) return TC_ACT_SHOT;
    if (encapsulate(skb, &segment, row->wire_family, &row->target)) return TC_ACT_SHOT;
    return tag(skb, &row->target) ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

static __always_inline bool comes_between(const struct segment* segment, __u8 family,
                                          const struct weir_ends* ends) {
    return segment->family == family && same(&ends->balancer, &segment->destination) &&
           same(&ends->peer, &segment->source);
}

/* Whose answer this is, by either name, when its IP header begins at `segment->at`. */
static __always_inline const struct weir_detour* find_answered(struct __sk_buff* skb,
                                                               struct segment* segment) {
    if (!take_segment(skb, segment)) return NULL;
    const struct weir_detour* row = find(segment, segment->destination_port);
    if (!row || row->port != segment->source_port) return NULL;
    if (comes_between(segment, row->wire_family, &row->wire)) return row;
    return comes_between(segment, row->stack_family, &row->stack) ? row : NULL;
}

/* Brings an answer to the device that the socket is bound to, by which the route to the backend leads, too:
 * an answer from a VIP may come in by another interface, or with another tag. */
static __always_inline int bring_home(struct __sk_buff* skb, const struct segment* segment,
                                      const struct weir_detour* row) {
    const struct weir_target* target = &row->target;
    skb->tc_index = BROUGHT_HOME;
    if (skb->vlan_present) {
        /* The kernel's device of the VLAN takes off its own tag. */
        if (row->device != target->interface && skb->ifindex == target->interface &&
            (skb->vlan_tci & VLAN_ID) == bpf_ntohs(target->vlan))
            return TC_ACT_UNSPEC;
        if (bpf_skb_vlan_pop(skb)) return TC_ACT_SHOT;
    }
    if (skb->ifindex == row->device) return TC_ACT_UNSPEC;
    if (!segment->at || bpf_skb_store_bytes(skb, 0, target->source_mac, ETH_ALEN, 0)) return TC_ACT_SHOT;
    return bpf_redirect(row->device, BPF_F_INGRESS);
}

/* Whose packet this is an ICMP error about. */
static __always_inline const struct weir_detour* find_refused(struct __sk_buff* skb, struct segment* probe,
                                                              struct refusal* refusal) {
    if (!take_refused(skb, probe, refusal)) return NULL;
    const struct weir_detour* row = find(probe, probe->source_port);
    if (!row || row->wire_family != probe->family || row->port != probe->destination_port) return NULL;
    if (!same(&row->wire.balancer, &probe->source) || !same(&row->wire.peer, &probe->destination))
        return NULL;
    return row;
}

static __always_inline int refuse(struct __sk_buff* skb) {
    struct segment probe = {.at = ETH_HLEN};
    struct refusal refusal;
    const struct weir_detour* row = find_refused(skb, &probe, &refusal);
    if (!row) {
        probe.at = 0; /* see detour_in */
        row = find_refused(skb, &probe, &refusal);
    }
    if (!row) return TC_ACT_UNSPEC;
    if (put_refusal(skb, &probe, &refusal, row->stack_family, &row->stack)) return TC_ACT_SHOT;
    return bring_home(skb, &probe, row);
}

/* The data should begin with the Ethernet header. But where generic XDP had to copy a frame for want of
 * headroom, kernels forget how long that header is (seen with 6.18), and the data begins with the IP header.
 */
SEC("tc")
int detour_in(struct __sk_buff* skb) {
    struct segment segment = {.at = ETH_HLEN};
    if (skb->tc_index == BROUGHT_HOME) return TC_ACT_UNSPEC; /* by another interface's filter */
    const struct weir_detour* row = find_answered(skb, &segment);
    if (!row) {
        segment.at = 0;
        row = find_answered(skb, &segment);
    }
    if (!row) return refuse(skb);
    /* From the backend's own address, which the socket knows and a client does not: no answer. */
    if (!comes_between(&segment, row->wire_family, &row->wire)) return TC_ACT_SHOT;
    segment.source = row->stack.peer;
    segment.destination = row->stack.balancer;
    if (rewrite(skb, &segment, row->stack_family, &row->wire, &row->stack)) return TC_ACT_SHOT;
    return bring_home(skb, &segment, row);
}

char _license[] SEC("license") = "GPL";
