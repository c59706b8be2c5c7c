/* Gives a packet the headers with which it leaves: link layer, tunnel, one hop less. */
#pragma once

#include "engine/xdp/bpf/maps.h"
#include "engine/xdp/bpf/outer.h"

/* Both MACs of a frame, or of a target, copied by words. */
struct macs {
    __u32 word[3];
};

static __always_inline __u32 link_length(__u16 vlan) {
    return vlan ? ETH_HLEN + VLAN_HLEN : ETH_HLEN;
}

static __always_inline void put_link(void* data, const void* macs, __u16 vlan, __u16 type) {
    *(struct macs*)data = *(const struct macs*)macs;
    loose16* at = data + 2 * ETH_ALEN;
    if (vlan) {
        at[0] = WEIR_BE16(ETH_P_8021Q);
        at[1] = vlan;
        at += 2;
    }
    at[0] = type;
}

/* One hop less. RFC 1141. */
static __always_inline void take_hop(void* ip, __u8 family) {
    if (family == WEIR_V4) {
        struct iphdr* v4 = ip;
        __u32 check = v4->check + 1u; /* 0x0100 as it lies in memory */
        v4->check = check + (check >= 0xffff);
        v4->ttl--;
    } else {
        ((struct ipv6hdr*)ip)->hop_limit--;
    }
}

/* Out by the interface, which may be the one that the packet came in by. XDP_DROP where it is none of weir's.
 */
static __always_inline int leave_by(struct xdp_md* ctx, __u32 interface) {
    return ctx->ingress_ifindex == interface ? XDP_TX : bpf_redirect_map(&devices, interface, XDP_DROP);
}

/* Sends the packet as it is but for a hop, in a tunnel or in none. Returns an XDP action, or XDP_ABORTED
 * where there is no room for the headers. */
static __always_inline int send(struct xdp_md* ctx, const struct packet* p, const struct weir_target* t,
                                __u64 hash) {
    void* data = (void*)(long)ctx->data;
    void* end = (void*)(long)ctx->data_end;
    __u32 link = link_length(t->vlan), outer = outer_length(t->method);
    void* ip = data + p->at;
    if (p->at > ETH_HLEN + VLAN_HLEN || ip + sizeof(struct iphdr) > end) return XDP_ABORTED; /* it was read */
    take_hop(ip, p->key.family);
    int growth = (int)(link + outer) - p->at;
    if (growth) {
        if (bpf_xdp_adjust_head(ctx, -growth)) return XDP_ABORTED;
        data = (void*)(long)ctx->data;
        end = (void*)(long)ctx->data_end;
    }
    if (!outer) {
        if (data + ETH_HLEN + VLAN_HLEN > end) return XDP_ABORTED;
        put_link(data, t->mac, t->vlan, type_of(p->key.family));
        return XDP_TX;
    }
    void* at = data + link;
    if (t->method & WEIR_OUTER_V6) {
        if (data + ETH_HLEN + VLAN_HLEN + sizeof(struct ipv6hdr) + SHIM_MOST > end) return XDP_ABORTED;
        put_link(data, t->mac, t->vlan, WEIR_BE16(ETH_P_IPV6));
        put_outer_v6(at, p, t, hash);
    } else {
        if (data + ETH_HLEN + VLAN_HLEN + sizeof(struct iphdr) + SHIM_MOST > end) return XDP_ABORTED;
        put_link(data, t->mac, t->vlan, WEIR_BE16(ETH_P_IP));
        put_outer_v4(at, p, t, hash);
    }
    return XDP_TX;
}
