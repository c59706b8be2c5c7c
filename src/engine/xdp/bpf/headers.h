/* Reads any frame: options, extension headers, fragments, ICMP and what it is about, ARP, neighbour
 * discovery. Through load(), which copies and checks bounds: slower than parse.h, which has already let go by
 * what is plain. In user space load() is another, for the fuzzer. RFC 791, 792, 826, 4443, 4861, 8200. */
#pragma once

#include "engine/xdp/bpf/icmp_types.h"
#include "engine/xdp/bpf/parse.h"

#ifdef __bpf__
typedef struct xdp_md frame;
/* 0, or an error where the frame ends before. */
static __always_inline int load(frame* f, __u32 at, void* to, __u32 size) {
    return bpf_xdp_load_bytes(f, at, to, size);
}
#endif

enum { ARPHRD_ETHER = 1, ARPOP_REQUEST = 1, ARPOP_REPLY = 2 };

#define WEIR_EXTENSION_HEADERS 8 /* so many are walked */

static __always_inline __u32 rotated(__u32 ports) {
    return ports >> 16 | ports << 16;
}

/* Of TCP, UDP and SCTP. */
static __always_inline int has_ports(__u8 protocol) {
    return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP;
}

static __always_inline void set_ports(struct packet* p, __u32 ports) {
    p->ports = ports;
    p->key.port = ports >> 16;
}

struct walked {
    __u32 at; /* where what is behind the headers begins */
    __u32 identification;
    __u8 protocol;
    __u8 kind;
    __u16 pad;
};

/* Walks IPv6's extension headers, from `at` on, the first of which is of the kind `next`. */
__noinline __u32 walk(frame* f, __u32 at, __u32 next, struct walked* out) {
    if (!out) return WEIR_REASON_truncated; /* the verifier's */
    for (int i = 0; i <= WEIR_EXTENSION_HEADERS; i++) {
        __u8 header[8];
        out->at = at;
        out->protocol = next;
        if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS &&
            next != IPPROTO_MH && next != IPPROTO_AH && next != IPPROTO_FRAGMENT)
            return 0;
        if (load(f, at, header, sizeof header)) return WEIR_REASON_truncated;
        next = header[0];
        if (out->protocol == IPPROTO_FRAGMENT) {
            __u32 fragment = header[2] << 8 | header[3];
            __builtin_memcpy(&out->identification, header + 4, sizeof out->identification);
            at += 8;
            if (fragment & ~7u) { /* what follows is not the begin of a header */
                out->kind = LATER_FRAGMENT;
                out->protocol = next;
                out->at = at;
                return 0;
            }
            if (fragment & 1) out->kind = FIRST_FRAGMENT;
        } else {
            at += out->protocol == IPPROTO_AH ? (header[1] + 2) * 4u : (header[1] + 1) * 8u;
        }
        if (at > 2048) break;
    }
    return WEIR_REASON_extension_header;
}

/* The flow that an ICMP error is about: its packet came from the VIP, so everything is the other way round.
 */
static __always_inline __u32 read_embedded(frame* f, struct packet* p) {
    __u32 ports = 0, at = p->transport + 8u;
    p->kind = ICMP_ERROR;
    if (p->key.family == WEIR_V4) {
        struct iphdr ip;
        if (load(f, at, &ip, sizeof ip)) return WEIR_REASON_truncated;
        __u32 header = (*(const __u8*)&ip & 0xf) * 4u;
        if (*(const __u8*)&ip >> 4 != 4 || header < sizeof ip || ip.saddr != p->key.vip.half[0])
            return WEIR_REASON_malformed;
        if (ip.frag_off & WEIR_BE16(0x1fff)) return WEIR_REASON_unmatched; /* no ports in it */
        p->source.half[0] = ip.daddr;
        p->key.protocol = ip.protocol;
        at += header;
    } else {
        struct ipv6hdr ip;
        struct walked inner = {};
        if (load(f, at, &ip, sizeof ip)) return WEIR_REASON_truncated;
        const loose64* source = (const loose64*)&ip.saddr;
        if (*(const __u8*)&ip >> 4 != 6 || source[0] != p->key.vip.half[0] || source[1] != p->key.vip.half[1])
            return WEIR_REASON_malformed;
        __u32 reason = walk(f, at + sizeof ip, ip.nexthdr, &inner);
        if (reason) return reason;
        if (inner.kind == LATER_FRAGMENT) return WEIR_REASON_unmatched;
        __builtin_memcpy(&p->source, &ip.daddr, sizeof p->source);
        p->key.protocol = inner.protocol;
        at = inner.at;
    }
    p->embedded = at;
    if (has_ports(p->key.protocol) && load(f, at, &ports, sizeof ports)) return WEIR_REASON_truncated;
    set_ports(p, rotated(ports));
    return 0;
}

static __always_inline __u32 read_icmp(frame* f, struct packet* p) {
    struct icmp icmp;
    if (load(f, p->transport, &icmp, sizeof icmp)) return WEIR_REASON_truncated;
    if (p->kind != WHOLE) return 0; /* a fragment is only sent on */
    if (p->key.family == WEIR_V4) {
        if (icmp.type == ICMP_ECHO) p->kind = ECHO_REQUEST;
        if (icmp.type == ICMP_DEST_UNREACH || icmp.type == ICMP_TIME_EXCEEDED ||
            icmp.type == ICMP_PARAMETERPROB)
            return read_embedded(f, p);
        return 0;
    }
    if (icmp.type == ICMPV6_ECHO_REQUEST) p->kind = ECHO_REQUEST;
    if (icmp.type >= ICMPV6_DEST_UNREACH && icmp.type <= ICMPV6_PARAMPROB) return read_embedded(f, p);
    if ((icmp.type == NEIGHBOUR_SOLICITATION || icmp.type == NEIGHBOUR_ADVERTISEMENT) && p->hops == 255) {
        p->kind = icmp.type == NEIGHBOUR_SOLICITATION ? SOLICITATION : ADVERTISEMENT;
        if (load(f, p->transport + 8u, &p->key.vip, sizeof p->key.vip)) return WEIR_REASON_truncated;
    }
    return 0;
}

static __always_inline __u32 least_header(const struct packet* p) {
    switch (p->protocol) {
        case IPPROTO_TCP:
            return sizeof(struct tcphdr);
        case IPPROTO_UDP:
        case IPPROTO_SCTP:
            return sizeof(struct udphdr);
        case IPPROTO_ICMP:
        case IPPROTO_ICMPV6:
            return sizeof(struct icmp);
    }
    return 0;
}

static __always_inline __u32 read_transport(frame* f, struct packet* p) {
    __u8 header[20];
    __u32 ports = 0, length = p->at + p->length - p->transport;
    p->key.protocol = p->protocol;
    if (p->transport > p->at + p->length) return WEIR_REASON_malformed;
    if (p->kind == LATER_FRAGMENT) return 0;
    if (length < least_header(p)) return WEIR_REASON_malformed;
    if (p->protocol == IPPROTO_TCP) {
        if (load(f, p->transport, header, sizeof(struct tcphdr))) return WEIR_REASON_truncated;
        p->tcp_flags = header[13];
        __builtin_memcpy(&ports, header, sizeof ports);
    } else if (p->protocol == IPPROTO_UDP || p->protocol == IPPROTO_SCTP) {
        if (load(f, p->transport, header, sizeof(struct udphdr))) return WEIR_REASON_truncated;
        __builtin_memcpy(&ports, header, sizeof ports);
    } else if (p->protocol == (p->key.family == WEIR_V4 ? IPPROTO_ICMP : IPPROTO_ICMPV6)) {
        return read_icmp(f, p);
    }
    set_ports(p, ports);
    return 0;
}

static __always_inline __u32 read_ipv4(frame* f, struct packet* p) {
    struct iphdr ip;
    if (load(f, p->at, &ip, sizeof ip)) return WEIR_REASON_not_ip;
    __u32 header = (*(const __u8*)&ip & 0xf) * 4u;
    __u32 length = __builtin_bswap16(ip.tot_len), fragment = __builtin_bswap16(ip.frag_off) & 0x3fff;
    p->key.family = WEIR_V4;
    p->key.vip.half[0] = ip.daddr;
    p->source.half[0] = ip.saddr;
    if (*(const __u8*)&ip >> 4 != 4 || header < sizeof ip || length < header) return WEIR_REASON_malformed;
    p->length = length;
    p->bytes = p->at + length;
    p->tos = ip.tos;
    p->hops = ip.ttl;
    p->protocol = ip.protocol;
    p->transport = p->at + header;
    p->identification = ip.id;
    if (fragment) p->kind = fragment & 0x1fff ? LATER_FRAGMENT : FIRST_FRAGMENT;
    return read_transport(f, p);
}

static __always_inline __u32 read_ipv6(frame* f, struct packet* p) {
    struct ipv6hdr ip;
    struct walked whole = {};
    if (load(f, p->at, &ip, sizeof ip)) return WEIR_REASON_not_ip;
    __u32 payload = __builtin_bswap16(ip.payload_len);
    p->key.family = WEIR_V6;
    __builtin_memcpy(&p->source, &ip.saddr, sizeof p->source);
    __builtin_memcpy(&p->key.vip, &ip.daddr, sizeof p->key.vip);
    if (*(const __u8*)&ip >> 4 != 6 || payload > 0xffff - sizeof ip) return WEIR_REASON_malformed;
    p->length = payload + sizeof ip;
    p->bytes = p->at + p->length;
    p->tos = *(const __u8*)&ip << 4 | ip.flow_lbl[0] >> 4;
    p->hops = ip.hop_limit;
    __u32 reason = walk(f, p->at + sizeof ip, ip.nexthdr, &whole);
    if (reason) return reason;
    p->transport = whole.at;
    p->protocol = whole.protocol;
    p->kind = whole.kind;
    p->identification = whole.identification;
    return read_transport(f, p);
}

/* RFC 826. An announcement (gratuitous) is a request or a reply whose sender is also the target. */
static __always_inline __u32 read_arp(frame* f, struct packet* p) {
    struct {
        __u16 hardware, protocol;
        __u8 hardware_length, protocol_length;
        __u16 operation;
        __u8 sender_mac[6], sender[4], target_mac[6], target[4];
    } __attribute__((packed)) arp;
    if (load(f, p->at, &arp, sizeof arp)) return WEIR_REASON_not_ip;
    if (arp.hardware != WEIR_BE16(ARPHRD_ETHER) || arp.protocol != WEIR_BE16(ETH_P_IP) ||
        arp.hardware_length != 6 || arp.protocol_length != 4)
        return WEIR_REASON_not_ip;
    __u32 sender, target;
    __builtin_memcpy(&sender, arp.sender, sizeof sender);
    __builtin_memcpy(&target, arp.target, sizeof target);
    p->key.family = WEIR_V4;
    p->source.half[0] = sender;
    if (arp.operation == WEIR_BE16(ARPOP_REQUEST) && sender != target) {
        p->kind = SOLICITATION;
        p->key.vip.half[0] = target;
    } else {
        p->kind = ADVERTISEMENT;
        p->key.vip.half[0] = sender;
    }
    return 0;
}

/* 0: *p is whole. WEIR_REASON_not_ip: *p says nothing. Else the destination address and its family are right.
 */
__noinline __u32 read_headers(frame* f, struct packet* p) {
    __u16 type;
    if (!p) return WEIR_REASON_not_ip; /* the verifier's */
    p->at = ETH_HLEN;
    if (load(f, __builtin_offsetof(struct ethhdr, h_proto), &type, sizeof type)) return WEIR_REASON_not_ip;
    if (type == WEIR_BE16(ETH_P_8021Q)) {
        p->at = ETH_HLEN + VLAN_HLEN;
        if (load(f, p->at - 2, &type, sizeof type)) return WEIR_REASON_not_ip;
    }
    if (type == WEIR_BE16(ETH_P_IP)) return read_ipv4(f, p);
    if (type == WEIR_BE16(ETH_P_IPV6)) return read_ipv6(f, p);
    if (type == WEIR_BE16(ETH_P_ARP)) return read_arp(f, p);
    return WEIR_REASON_not_ip;
}
