/* ICMP messages that weir sends itself: answers to echo requests, and errors to the senders of packets that
 * go no further. An error's source is the VIP, to which the packet went: routers accept it from here, since
 * they route it to here, and it tells nobody how the site is built. One about a backend's answer, which NAT
 * was to translate, is from the client, to whom that went. RFC 792, 1191, 4443, 8201. */
#pragma once

#include "engine/xdp/bpf/frontends.h"
#include "engine/xdp/bpf/send.h"

#define EMBEDDED_MOST                                                                                   \
    ((__u32)sizeof(((struct scratch*)0)->bytes)) /* bytes of the packet that an error is about: all its \
                                                    headers, and some more */
#define LEAST_MTU_V6 1280

static __always_inline void swap_macs(void* data) {
    loose16* mac = data;
    for (int i = 0; i < 3; i++) {
        __u16 destination = mac[i];
        mac[i] = mac[i + 3];
        mac[i + 3] = destination;
    }
}

static __always_inline __u64 sum_of(const void* words, __u32 size, __u32 seed) {
    return bpf_csum_diff(0, 0, (__be32*)words, size, seed);
}

/* The answer to the echo request that the frame holds. */
__noinline int answer_echo(struct xdp_md* ctx, const struct packet* p) {
    if (!p) return XDP_ABORTED;
    void* data = (void*)(long)ctx->data;
    void* end = (void*)(long)ctx->data_end;
    __u32 at = p->at;
    if (at > ETH_HLEN + VLAN_HLEN) return XDP_ABORTED;
    if (data + ETH_HLEN > end) return XDP_ABORTED;
    swap_macs(data);
    if (p->key.family == WEIR_V4) {
        struct iphdr* ip = data + at;
        if ((void*)(ip + 1) > end) return XDP_ABORTED;
        loose32* addresses = (loose32*)&ip->saddr;
        __u32 source = addresses[0];
        addresses[0] = addresses[1];
        addresses[1] = source;
        /* RFC 1624. The TTL shares its word with the protocol. */
        __u32 sum =
            (__u16)~ip->check + (__u16) ~(ip->ttl | ip->protocol << 8) + (OUTER_HOPS | ip->protocol << 8);
        ip->ttl = OUTER_HOPS;
        ip->check = ~folded(sum);
    } else {
        struct ipv6hdr* ip = data + at;
        if ((void*)(ip + 1) > end) return XDP_ABORTED;
        loose64* addresses = (loose64*)&ip->saddr;
        for (int i = 0; i < 2; i++) {
            __u64 source = addresses[i];
            addresses[i] = addresses[i + 2];
            addresses[i + 2] = source;
        }
        ip->hop_limit = OUTER_HOPS;
    }
    __u16 head[2]; /* type and code, checksum */
    if (load(ctx, p->transport, head, sizeof head)) return XDP_ABORTED;
    __u16 type = p->key.family == WEIR_V4 ? ICMP_ECHOREPLY : ICMPV6_ECHO_REPLY;
    __u32 sum = (__u16)~head[1] + (__u16)~head[0] + type;
    head[0] = type;
    head[1] = ~folded(sum);
    if (bpf_xdp_store_bytes(ctx, p->transport, head, sizeof head)) return XDP_ABORTED;
    return XDP_TX;
}

struct error {
    __u8 type, code;
    __u16 mtu;
};

static __always_inline int put_error_v4(struct xdp_md* ctx, const struct packet* p, const struct error* e,
                                        __u32 embedded, __u32 sum) {
    struct {
        struct iphdr ip;
        struct icmp icmp;
    } out = {};
    out.icmp.type = e->type;
    out.icmp.code = e->code;
    out.icmp.rest = (__u32)__builtin_bswap16(e->mtu) << 16;
    out.icmp.checksum = ~folded(sum_of(&out.icmp, sizeof out.icmp, sum));
    *(__u8*)&out.ip = 0x45;
    out.ip.tot_len = __builtin_bswap16(sizeof out + embedded);
    out.ip.ttl = OUTER_HOPS;
    out.ip.protocol = IPPROTO_ICMP;
    out.ip.saddr = p->key.vip.word[0];
    out.ip.daddr = p->source.word[0];
    out.ip.check = ~folded(sum_of(&out.ip, sizeof out.ip, 0));
    return bpf_xdp_store_bytes(ctx, p->at, &out, sizeof out);
}

static __always_inline int put_error_v6(struct xdp_md* ctx, const struct packet* p, const struct error* e,
                                        __u32 embedded, __u32 sum) {
    struct {
        struct ipv6hdr ip;
        struct icmp icmp;
    } out = {};
    struct {
        struct weir_address source, destination;
        __u32 length, next;
    } pseudo = {p->key.vip, p->source, __builtin_bswap32(sizeof out.icmp + embedded),
                __builtin_bswap32(IPPROTO_ICMPV6)};
    out.icmp.type = e->type;
    out.icmp.code = e->code;
    out.icmp.rest = __builtin_bswap32(e->mtu);
    sum = sum_of(&pseudo, sizeof pseudo, sum_of(&out.icmp, sizeof out.icmp, sum));
    out.icmp.checksum = ~folded(sum);
    *(__u8*)&out.ip = 0x60;
    out.ip.payload_len = __builtin_bswap16(sizeof out.icmp + embedded);
    out.ip.nexthdr = IPPROTO_ICMPV6;
    out.ip.hop_limit = OUTER_HOPS;
    __builtin_memcpy(&out.ip.saddr, &p->key.vip, sizeof out.ip.saddr);
    __builtin_memcpy(&out.ip.daddr, &p->source, sizeof out.ip.daddr);
    return bpf_xdp_store_bytes(ctx, p->at, &out, sizeof out);
}

/* Turns the packet into an error about itself, for its sender. */
__noinline int send_error(struct xdp_md* ctx, const struct packet* p, __u32 type, __u32 code, __u32 mtu) {
    if (!p) return XDP_ABORTED;
    struct error e = {type, code, mtu};
    int header = p->key.family == WEIR_V4 ? sizeof(struct iphdr) + sizeof(struct icmp)
                                          : sizeof(struct ipv6hdr) + sizeof(struct icmp);
    __u32 link[5] = {}, at = p->at;
    __u32 embedded = p->length & ~3u; /* whole words, so that the sum of what is behind them is not needed */
    if (embedded > EMBEDDED_MOST) embedded = EMBEDDED_MOST;
    asm volatile("" : "+r"(embedded)); /* the next check is to be made of this very register: Linux 6.1 */
    if (embedded < 4 || at > ETH_HLEN + VLAN_HLEN || at < ETH_HLEN) return XDP_ABORTED;
    struct scratch* s = my_scratch();
    if (!s) return XDP_ABORTED;
    __builtin_memset(s->bytes, 0, EMBEDDED_MOST);
    if (load(ctx, 0, link, ETH_HLEN + VLAN_HLEN) || load(ctx, at, s->bytes, embedded)) return XDP_ABORTED;
    __u32 sum = sum_of(s->bytes, EMBEDDED_MOST, 0);
    int surplus = (int)bpf_xdp_get_buff_len(ctx) - (int)(at + embedded);
    if (bpf_xdp_adjust_head(ctx, -header)) return XDP_ABORTED;
    if (surplus > 0 && bpf_xdp_adjust_tail(ctx, -surplus)) return XDP_ABORTED;
    swap_macs(link);
    if (bpf_xdp_store_bytes(ctx, 0, link, at == ETH_HLEN ? ETH_HLEN : ETH_HLEN + VLAN_HLEN))
        return XDP_ABORTED;
    int failed = p->key.family == WEIR_V4 ? put_error_v4(ctx, p, &e, embedded, sum)
                                          : put_error_v6(ctx, p, &e, embedded, sum);
    return failed ? XDP_ABORTED : XDP_TX;
}

/* Whether the source may be one single host, that of another one. */
static __always_inline int is_from_a_host(const struct packet* p) {
    __u8 first = *(const __u8*)&p->source;
    if (p->key.family == WEIR_V4) return first != 0 && first != 127 && first < 224;
    return first != 0xff && (p->source.half[0] || p->source.half[1]);
}

/* Whether the sender of a packet may be told what became of it: not of an error, or of a later fragment.
 * RFC 1122, 3.2.2; RFC 4443, 2.4. */
static __always_inline int may_be_told(const struct packet* p) {
    __u8 icmp = p->key.family == WEIR_V4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
    if (p->kind == ICMP_ERROR || p->kind == LATER_FRAGMENT) return 0;
    return (p->protocol != icmp || p->kind == ECHO_REQUEST) && is_from_a_host(p);
}

/* Drops a packet under `reason`, and tells its sender where the rate allows. */
static __always_inline int refuse(struct xdp_md* ctx, const struct packet* p, __u32 reason, __u32 room,
                                  const struct weir_generation* generation, struct weir_trace* trace,
                                  __u32 mode) {
    int v4 = p->key.family == WEIR_V4;
    int verdict = leave(reason, trace, mode);
    if (mode == DRY || !may_be_told(p) || !may_send(generation)) return verdict;
    if (!v4 && room < LEAST_MTU_V6) room = LEAST_MTU_V6;
    int sent =
        reason == WEIR_REASON_expired
            ? send_error(ctx, p, v4 ? ICMP_TIME_EXCEEDED : ICMPV6_TIME_EXCEED, 0, 0)
            : send_error(ctx, p, v4 ? ICMP_DEST_UNREACH : ICMPV6_PKT_TOOBIG, v4 ? ICMP_FRAG_NEEDED : 0, room);
    return sent == XDP_TX ? XDP_TX : verdict;
}
