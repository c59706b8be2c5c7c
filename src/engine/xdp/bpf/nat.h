/* NAT, both ways. A flow has two rows: what its packets towards the backend become, and what those towards
 * the client become; each is found by the exact tuple of the packet on the wire. With full NAT (an address
 * of weir's own takes the client's place) the port is weir's choice; else the client's address and port stay,
 * and two flows that would look the same to the backend cannot both be. Answers go back to the MAC that the
 * flow's last packet came from, so no route to the clients is asked for.
 *
 * ICMP errors are translated with the packet that they embed, but for the transport checksum inside, which
 * nobody reads. RFC 3022, RFC 5508. */
#pragma once

#include "engine/xdp/bpf/flows.h"
#include "engine/xdp/bpf/rewrite.h"

#define PORT_TRIES 16
#define FIRST_PORT 1024u

static __always_inline int same_address(const struct weir_address* a, const struct weir_address* b) {
    return a->half[0] == b->half[0] && a->half[1] == b->half[1];
}

static __always_inline int same_tuple(const struct weir_tuple* a, const struct weir_tuple* b) {
    return same_address(&a->source, &b->source) && same_address(&a->destination, &b->destination) &&
           a->ports == b->ports;
}

static __always_inline void turn(const struct weir_tuple* from, struct weir_tuple* to) {
    to->source = from->destination;
    to->destination = from->source;
    to->ports = rotated(from->ports);
    to->protocol = from->protocol;
    to->family = from->family;
    to->pad = 0;
}

/* The tuple of the flow, as its packets in this direction have it. */
static __always_inline void tuple_of(const struct packet* p, struct weir_tuple* tuple) {
    tuple->source = p->source;
    tuple->destination = p->key.vip;
    tuple->ports = p->ports;
    tuple->protocol = p->key.protocol;
    tuple->family = p->key.family;
    tuple->pad = 0;
}

static __always_inline struct weir_translation* find_translation(const struct weir_tuple* key, int* begun) {
    struct weir_translation* row = bpf_map_lookup_elem(&nat, key);
    *begun = 0;
    if (row) return row;
    *begun = 1;
    return bpf_map_lookup_elem(&nat_new, key);
}

static __always_inline int outlived(const struct weir_translation* row, const struct weir_generation* g,
                                    __u32 now) {
    return one_and_ticks_since(row->age, now) > g->timeout[row->state & 3] + 1;
}

/* Where the answers to this packet go. */
static __always_inline int note_last_hop(struct xdp_md* ctx, const struct packet* p,
                                         struct weir_translation* back) {
    __u8 link[ETH_HLEN + VLAN_HLEN];
    if (load(ctx, 0, link, sizeof link)) return 0;
    __builtin_memcpy(back->mac, link + ETH_ALEN, ETH_ALEN);
    __builtin_memcpy(back->source_mac, link, ETH_ALEN);
    back->interface = ctx->ingress_ifindex;
    back->vlan = p->at == ETH_HLEN ? 0 : (link[14] & 0x0f) | link[15] << 8;
    return 1;
}

/* Whether s->reverse, the row of the answers, may become s->back: 1 where nobody has it, 2 where this flow
 * does, 0 where another does that lives (`closing`: or that is closing). One that does not is forgotten, or
 * its last packets would be taken for this flow's. Looks where flows begin first: a row that moves meanwhile
 * is seen in one of the two places. */
__noinline int may_take(__u32 closing, __u32 half) {
    struct scratch* s = my_scratch();
    if (!s) return 0;
    struct weir_translation* row = bpf_map_lookup_elem(&nat_new, &s->reverse);
    if (!row) row = bpf_map_lookup_elem(&nat, &s->reverse);
    if (!row) return 1;
    if (same_tuple(&row->to, &s->back.to)) return 2;
    const struct weir_generation* g = &state.generation[half & 1];
    if (!outlived(row, g, now_in_ticks()) && !(closing && row->state == WEIR_CLOSING)) return 0;
    turn(&row->to, &s->turned);
    bpf_map_delete_elem(&nat, &s->turned);
    bpf_map_delete_elem(&nat_new, &s->turned);
    bpf_map_delete_elem(&nat, &s->reverse);
    bpf_map_delete_elem(&nat_new, &s->reverse);
    return 1;
}

/* Forgets the flow of s->key, whose packets become s->there: its row of the answers only if that is still its
 * own. */
static __always_inline void forget(struct scratch* s) {
    turn(&s->there.to, &s->reverse);
    turn(&s->key, &s->turned);
    int begun;
    const struct weir_translation* row = find_translation(&s->reverse, &begun);
    if (row && same_tuple(&row->to, &s->turned)) {
        bpf_map_delete_elem(&nat, &s->reverse);
        bpf_map_delete_elem(&nat_new, &s->reverse);
    }
    bpf_map_delete_elem(&nat, &s->key);
    bpf_map_delete_elem(&nat_new, &s->key);
}

/* Chooses what a new flow's packets become, and writes it. 0, or why it cannot. A new flow's rows are always
 * among those that may be displaced, whatever its packet says. */
static __always_inline __u32 invent(struct xdp_md* ctx, const struct packet* p, const struct weir_target* t,
                                    struct scratch* s) {
    int mine = 0;
    __u16 port = t->port ? t->port : p->ports >> 16;
    int replaces = t->source.half[0] || t->source.half[1];
    __builtin_memset(&s->there, 0, sizeof s->there);
    __builtin_memset(&s->back, 0, sizeof s->back);
    s->there.to = s->key;
    s->there.to.destination = t->backend;
    s->there.to.ports = (p->ports & 0xffff) | (__u32)port << 16;
    turn(&s->key, &s->back.to);
    for (__u32 i = 0; i < PORT_TRIES; i++) {
        if (replaces) {
            __u32 draw = (__u32)(p->hash >> 24) + i * 0x9e3779b9u;
            __u16 own = FIRST_PORT + ((draw & 0xffff) * (0x10000 - FIRST_PORT) >> 16);
            s->there.to.source = t->source;
            if (p->key.family == WEIR_V4)
                s->there.to.source.word[0] |= draw & t->vary;
            else
                s->there.to.source.word[3] |= draw & t->vary;
            s->there.to.ports = __builtin_bswap16(own) | (__u32)port << 16;
        }
        turn(&s->there.to, &s->reverse);
        mine = may_take(!replaces || i >= PORT_TRIES / 2, p->half);
        if (mine || !replaces) break;
    }
    if (!mine) return WEIR_REASON_nat_conflict;
    if (!note_last_hop(ctx, p, &s->back)) return WEIR_REASON_truncated;
    s->back.towards_client = 1;
    s->there.target = s->back.target = p->target;
    s->there.age = s->back.age = now_in_ticks();
    s->there.state = s->back.state = p->state;
    /* Another processor may have taken it since. */
    if (bpf_map_update_elem(&nat_new, &s->reverse, &s->back, mine == 2 ? BPF_ANY : BPF_NOEXIST))
        return WEIR_REASON_nat_conflict;
    return bpf_map_update_elem(&nat_new, &s->key, &s->there, BPF_ANY) ? WEIR_REASON_nat_full : 0;
}

static __always_inline int keep(struct scratch* s, int begun) {
    if (begun)
        return bpf_map_update_elem(&nat_new, &s->reverse, &s->back, BPF_ANY) ||
               bpf_map_update_elem(&nat_new, &s->key, &s->there, BPF_ANY);
    if (bpf_map_update_elem(&nat, &s->reverse, &s->back, BPF_ANY)) return -1;
    if (bpf_map_update_elem(&nat, &s->key, &s->there, BPF_ANY)) {
        bpf_map_delete_elem(&nat, &s->reverse);
        return -1;
    }
    bpf_map_delete_elem(&nat_new, &s->reverse);
    bpf_map_delete_elem(&nat_new, &s->key);
    return 0;
}

/* A flow's rows are written when its state changes, it goes from `begun` on, or a tick is over; while it is
 * `begun` always, since its row of the answers may have been displaced, and taken. A flow goes on by its
 * client's second packet alone: a flood's first packets are answered too. So one of which no second packet
 * ever comes stays among those that may be displaced, and lives for as long as it is answered. */
static __always_inline __u32 refresh(struct xdp_md* ctx, const struct packet* p, struct scratch* s,
                                     int begun) {
    __u32 now = now_in_ticks(), state = p->state;
    int moves = begun && (state == WEIR_ESTABLISHED || state == WEIR_DATAGRAM);
    /* The flow table knows nothing of the answers: that the backend has closed is known here alone. */
    if (s->there.state == WEIR_CLOSING) state = p->tcp_flags & TCP_SYN ? WEIR_NEW : WEIR_CLOSING;
    if (s->there.age == now && s->there.state == state && !begun) return 0;
    turn(&s->there.to, &s->reverse);
    __builtin_memset(&s->back, 0, sizeof s->back);
    turn(&s->key, &s->back.to);
    if (!may_take(1, p->half)) {
        bpf_map_delete_elem(&nat, &s->key);
        bpf_map_delete_elem(&nat_new, &s->key);
        return WEIR_REASON_nat_conflict;
    }
    if (!note_last_hop(ctx, p, &s->back)) return 0;
    s->back.towards_client = 1;
    s->back.target = s->there.target;
    s->there.age = s->back.age = now;
    s->there.state = s->back.state = state;
    if (keep(s, begun && !moves)) {
        struct weir_totals* mine = my_totals(); /* it goes on with what it has */
        if (mine) mine->table_full++;
    }
    return 0;
}

/* Translates the packet that an error embeds: it went the other way. */
static __always_inline int rewrite_embedded(struct xdp_md* ctx, const struct packet* p, struct scratch* s,
                                            const struct weir_tuple* to) {
    __u32 at = p->transport + 8u, ports_at = p->embedded;
    struct weir_tuple *then = &s->embedded, *now = &s->turned;
    __u16 check;
    __builtin_memset(then, 0, sizeof *then);
    turn(to, now);
    if (p->key.family == WEIR_V4) {
        struct iphdr ip;
        if (load(ctx, at, &ip, sizeof ip)) return XDP_ABORTED;
        then->source.word[0] = ip.saddr;
        then->destination.word[0] = ip.daddr;
        ip.check = ~folded(bpf_csum_diff((__be32*)then, 32, (__be32*)now, 32, (__u16)~ip.check));
        ip.saddr = now->source.word[0];
        ip.daddr = now->destination.word[0];
        if (bpf_xdp_store_bytes(ctx, at, &ip, sizeof ip)) return XDP_ABORTED;
    } else {
        if (load(ctx, at + 8, then, 32) || bpf_xdp_store_bytes(ctx, at + 8, now, 32)) return XDP_ABORTED;
    }
    if (load(ctx, ports_at, &then->ports, sizeof then->ports)) return XDP_ABORTED;
    if (bpf_xdp_store_bytes(ctx, ports_at, &now->ports, sizeof now->ports)) return XDP_ABORTED;
    if (load(ctx, p->transport + 2u, &check, sizeof check)) return XDP_ABORTED;
    __u32 sum = (__u16)~check;
    if (p->key.family == WEIR_V4) /* the embedded header's own checksum makes up for its addresses */
        sum = bpf_csum_diff((__be32*)&then->ports, 4, (__be32*)&now->ports, 4, sum);
    else /* rewrite() has seen to the outer addresses */
        sum = bpf_csum_diff((__be32*)then, 36, (__be32*)now, 36, sum);
    check = ~folded(sum);
    return bpf_xdp_store_bytes(ctx, p->transport + 2u, &check, sizeof check) ? XDP_ABORTED : XDP_TX;
}

/* Puts `row` into the packet. */
static __always_inline int translate(struct xdp_md* ctx, const struct packet* p, struct scratch* s,
                                     const struct weir_translation* row) {
    if (p->kind != ICMP_ERROR) return rewrite(ctx, p, &s->old, &row->to);
    struct weir_tuple* outer = &s->reverse;
    *outer = row->to;
    /* Whoever sends the error to a backend keeps his address. */
    if (!row->towards_client && sender_of(ctx, p, &outer->source)) return XDP_ABORTED;
    if (rewrite(ctx, p, &s->old, outer) != XDP_TX) return XDP_ABORTED;
    return rewrite_embedded(ctx, p, s, &row->to);
}

/* Finds or makes the translation of a packet towards the backend, into s->there. 0, or why not. */
__noinline __u32 translate_there(struct xdp_md* ctx, const struct packet* p) {
    if (!p) return WEIR_REASON_nat_full;
    __u32 reason = 0;
    struct scratch* s = my_scratch();
    const struct weir_target* t = get_target(p->half & 1, p->target);
    int begun;
    if (!s || !t) return WEIR_REASON_no_backend;
    tuple_of(p, &s->key);
    struct weir_translation* row = find_translation(&s->key, &begun);
    /* A target's number may have been another's when the row was written. */
    int same = row && row->target == p->target && same_address(&row->to.destination, &t->backend);
    if (row) s->there = *row;
    if (p->kind == ICMP_ERROR) {
        if (!same) return WEIR_REASON_unmatched;
    } else if (same) {
        reason = refresh(ctx, p, s, begun);
    } else {
        if (row) forget(s);
        reason = invent(ctx, p, t, s);
    }
    if (reason) return reason;
    return translate(ctx, p, s, &s->there) == XDP_TX ? 0 : WEIR_REASON_truncated;
}

/* Finds the translation of an answer to a client, into s->there, and says whether there is one. */
static __always_inline int find_back(const struct packet* p, struct scratch* s) {
    int begun;
    tuple_of(p, &s->key);
    const struct weir_translation* row = find_translation(&s->key, &begun);
    if (!row || !row->towards_client) return 0;
    s->there = *row;
    return 1;
}

/* Notes in the flow's rows that an answer has come. */
static __always_inline void note_answer(const struct packet* p, struct scratch* s) {
    int begun, ends = p->tcp_flags & (TCP_FIN | TCP_RST);
    __u32 now = now_in_ticks();
    if (s->there.age == now && !(ends && s->there.state != WEIR_CLOSING)) return;
    struct weir_translation* row = find_translation(&s->key, &begun);
    if (!row) return;
    turn(&row->to, &s->reverse);
    turn(&s->key, &s->turned);
    row->age = now;
    if (ends) row->state = WEIR_CLOSING;
    struct weir_translation* there = find_translation(&s->reverse, &begun);
    if (there && same_tuple(&there->to, &s->turned)) {
        there->age = now;
        if (ends) there->state = WEIR_CLOSING;
    }
}

/* Translates an answer to a client as s->there says; find_back() has been asked, but for a later fragment. */
__noinline int translate_back(struct xdp_md* ctx, const struct packet* p) {
    struct scratch* s = my_scratch();
    if (!p || !s) return XDP_ABORTED;
    if (p->kind == LATER_FRAGMENT) return rewrite(ctx, p, &s->old, &s->there.to);
    if (p->kind != ICMP_ERROR) note_answer(p, s);
    return translate(ctx, p, s, &s->there);
}
