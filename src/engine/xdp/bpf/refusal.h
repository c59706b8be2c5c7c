/* Refusals: ICMP errors (RFC 792, RFC 4443) about a probe's packet that say that nobody listens there, or
 * that a firewall does not want it. They name the VIP, of which no socket here knows: so each is replaced by
 * one that says the same in the stack's names. Of what the packet carried eight bytes are enough: ports, and
 * TCP's sequence number. Other errors are left: they may pass (RFC 1122, 4.2.3.9), and the probe has its
 * timeout. */
#pragma once

#include "engine/xdp/bpf/rename.h"

#define REFUSAL_HOPS 64

struct refusal {
    __u8 code; /* in the family that the error came in */
    __u8 start[8];
};

struct refusal_v4 {
    struct iphdr ip;
    struct icmp icmp;
    struct iphdr about;
    __u8 start[8];
};

struct refusal_v6 {
    struct ipv6hdr ip;
    struct icmp icmp;
    struct ipv6hdr about;
    __u8 start[8];
};

enum { V4_PORT = 3, V4_NET_PROHIBITED = 9, V4_HOST_PROHIBITED = 10, V4_PROHIBITED = 13 };
enum { V6_PROHIBITED = 1, V6_PORT = 4 };

static __always_inline bool is_refusal(__u8 family, __u8 code) {
    if (family == WEIR_V6) return code == V6_PORT || code == V6_PROHIBITED;
    return code == V4_PORT || code == V4_NET_PROHIBITED || code == V4_HOST_PROHIBITED ||
           code == V4_PROHIBITED;
}

static __always_inline __u8 code_in(__u8 family, const struct segment* probe, __u8 code) {
    if (family == probe->family) return code;
    if (family == WEIR_V4) return code == V6_PORT ? V4_PORT : V4_PROHIBITED;
    return code == V4_PORT ? V6_PORT : V6_PROHIBITED;
}

static __always_inline bool take_refused_v4(struct __sk_buff* skb, struct segment* probe,
                                            struct refusal* refusal) {
    struct refusal_v4 all;
    if (bpf_skb_load_bytes(skb, probe->at, &all, sizeof all)) return false;
    if (all.ip.version != 4 || all.ip.ihl != 5 || all.ip.protocol != IPPROTO_ICMP) return false;
    if (all.ip.frag_off & bpf_htons(FRAGMENT) || all.icmp.type != ICMP_DEST_UNREACH) return false;
    if (all.about.ihl != 5 || all.about.saddr != all.ip.daddr) return false;
    probe->family = WEIR_V4;
    probe->protocol = all.about.protocol;
    probe->source.word[0] = all.about.saddr;
    probe->destination.word[0] = all.about.daddr;
    refusal->code = all.icmp.code;
    __builtin_memcpy(refusal->start, all.start, sizeof all.start);
    return true;
}

static __always_inline bool take_refused_v6(struct __sk_buff* skb, struct segment* probe,
                                            struct refusal* refusal) {
    struct refusal_v6 all;
    if (bpf_skb_load_bytes(skb, probe->at, &all, sizeof all)) return false;
    if (all.ip.version != 6 || all.ip.nexthdr != IPPROTO_ICMPV6) return false;
    if (all.icmp.type != ICMPV6_DEST_UNREACH) return false;
    probe->family = WEIR_V6;
    probe->protocol = all.about.nexthdr;
    __builtin_memcpy(&probe->source, &all.about.saddr, sizeof probe->source);
    __builtin_memcpy(&probe->destination, &all.about.daddr, sizeof probe->destination);
    refusal->code = all.icmp.code;
    __builtin_memcpy(refusal->start, all.start, sizeof all.start);
    return true;
}

/* `probe`: the packet that the error is about, if this is one; `at` of the error. */
static __always_inline bool take_refused(struct __sk_buff* skb, struct segment* probe,
                                         struct refusal* refusal) {
    if (skb->protocol == bpf_htons(ETH_P_IP)) {
        if (!take_refused_v4(skb, probe, refusal)) return false;
    } else if (skb->protocol != bpf_htons(ETH_P_IPV6) || !take_refused_v6(skb, probe, refusal)) {
        return false;
    }
    if (!is_refusal(probe->family, refusal->code)) return false;
    if (probe->protocol != IPPROTO_TCP && probe->protocol != IPPROTO_UDP) return false;
    __builtin_memcpy(&probe->source_port, refusal->start, 4);
    return true;
}

static __always_inline __u16 summed(const void* from, __u32 size, __u32 seed) {
    return ~folded(bpf_csum_diff(NULL, 0, (__be32*)from, size, seed));
}

static __always_inline int put_refusal_v4(struct __sk_buff* skb, const struct segment* probe,
                                          const struct refusal* refusal, const struct weir_ends* ends) {
    struct refusal_v4 all = {
        .ip = {.version = 4,
               .ihl = 5,
               .tot_len = bpf_htons(sizeof all),
               .frag_off = bpf_htons(DONT_FRAGMENT),
               .ttl = REFUSAL_HOPS,
               .protocol = IPPROTO_ICMP,
               .saddr = ends->peer.word[0],
               .daddr = ends->balancer.word[0]},
        .icmp = {.type = ICMP_DEST_UNREACH, .code = code_in(WEIR_V4, probe, refusal->code)},
        .about = {.version = 4,
                  .ihl = 5,
                  .tot_len = bpf_htons(sizeof all.about + sizeof all.start),
                  .frag_off = bpf_htons(DONT_FRAGMENT),
                  .ttl = REFUSAL_HOPS,
                  .protocol = probe->protocol,
                  .saddr = ends->balancer.word[0],
                  .daddr = ends->peer.word[0]},
    };
    __builtin_memcpy(all.start, refusal->start, sizeof all.start);
    all.ip.check = summed(&all.ip, sizeof all.ip, 0);
    all.about.check = summed(&all.about, sizeof all.about, 0);
    all.icmp.checksum = summed(&all.icmp, sizeof all - sizeof all.ip, 0);
    if (bpf_skb_change_tail(skb, probe->at + sizeof all, 0)) return -1;
    return bpf_skb_store_bytes(skb, probe->at, &all, sizeof all, BPF_F_RECOMPUTE_CSUM);
}

static __always_inline int put_refusal_v6(struct __sk_buff* skb, const struct segment* probe,
                                          const struct refusal* refusal, const struct weir_ends* ends) {
    struct refusal_v6 all = {
        .ip = {.version = 6,
               .payload_len = bpf_htons(sizeof all - sizeof all.ip),
               .nexthdr = IPPROTO_ICMPV6,
               .hop_limit = REFUSAL_HOPS},
        .icmp = {.type = ICMPV6_DEST_UNREACH, .code = code_in(WEIR_V6, probe, refusal->code)},
        .about = {.version = 6,
                  .payload_len = bpf_htons(sizeof all.start),
                  .nexthdr = probe->protocol,
                  .hop_limit = REFUSAL_HOPS},
    };
    __builtin_memcpy(&all.ip.saddr, &ends->peer, sizeof all.ip.saddr);
    __builtin_memcpy(&all.ip.daddr, &ends->balancer, sizeof all.ip.daddr);
    __builtin_memcpy(&all.about.saddr, &ends->balancer, sizeof all.about.saddr);
    __builtin_memcpy(&all.about.daddr, &ends->peer, sizeof all.about.daddr);
    __builtin_memcpy(all.start, refusal->start, sizeof all.start);
    /* The addresses are summed twice: as those of the pseudo header, and of `about`. */
    __u32 pseudo = bpf_csum_diff(NULL, 0, (__be32*)ends, sizeof *ends,
                                 bpf_htons(sizeof all - sizeof all.ip) + bpf_htons(IPPROTO_ICMPV6));
    all.icmp.checksum = summed(&all.icmp, sizeof all - sizeof all.ip, pseudo);
    if (bpf_skb_change_tail(skb, probe->at + sizeof all, 0)) return -1;
    return bpf_skb_store_bytes(skb, probe->at, &all, sizeof all, BPF_F_RECOMPUTE_CSUM);
}

/* The error becomes one about the packet from ends->balancer to ends->peer. */
static __always_inline int put_refusal(struct __sk_buff* skb, const struct segment* probe,
                                       const struct refusal* refusal, __u8 family,
                                       const struct weir_ends* ends) {
    if (family != probe->family && change_family(skb, probe, family)) return -1;
    if (family == WEIR_V4) return put_refusal_v4(skb, probe, refusal, ends);
    return put_refusal_v6(skb, probe, refusal, ends);
}
