/* Sends the packets for VIPs to their backends: doc/datapath.md. There are two ways through the same tables.
 * hot() takes what nearly all packets are, and calls nothing that the kernel does not inline but for making
 * room for a tunnel's header. What it does not understand it leaves to general(), a program of its own (so it
 * has a stack of its own), before it has changed anything. */
#include "engine/xdp/bpf/capture.h"
#include "engine/xdp/bpf/fragments.h"
#include "engine/xdp/bpf/neighbour.h"
#include "engine/xdp/bpf/quic.h"
#include "engine/xdp/bpf/sticky.h"
#include "engine/xdp/bpf/watchdog.h"

struct weir_trace trace; /* of the last packet that weir_dry or weir_traced has seen */

static __always_inline void note(struct weir_trace* into, const struct found* found) {
    if (!into) return;
    into->reason = WEIR_FORWARDED;
    into->target = found->id;
    into->from_flow = found->known;
}

/* Only what was sent to us: a switch that floods also shows us the frames that we have already sent on. */
static __always_inline int is_for(const void* data, const __u8* mac) {
    return *(const loose32*)data == *(const loose32*)mac &&
           *(const loose16*)(data + 4) == *(const loose16*)(mac + 4);
}

static __always_inline int is_for_us(struct xdp_md* ctx, const struct weir_target* target, __u32 several) {
    void* data = (void*)(long)ctx->data;
    void* end = (void*)(long)ctx->data_end;
    __u32 interface = ctx->ingress_ifindex;
    if (data + ETH_HLEN > end) return 0;
    if (target && (!several || interface == target->interface)) return is_for(data, target->source_mac);
    const struct weir_interface* ours = bpf_map_lookup_elem(&interfaces, &interface);
    return ours && is_for(data, ours->mac);
}

/* The target that the connection id of a QUIC packet names, or 0. `row`: as in struct weir_server_key. */
__noinline __u32 named_target(struct xdp_md* ctx, __u32 transport, __u32 row, __u32 table) {
    struct weir_quic_table* forms = bpf_map_lookup_elem(&quics, &table);
    void* data = (void*)(long)ctx->data;
    void* end = (void*)(long)ctx->data_end;
    struct weir_server_id server = {};
    struct weir_server_key key = {.frontend = row};
    if (!forms || transport > 256) return 0;
    if (!find_quic_server(data + transport + sizeof(struct udphdr), end, forms, &server)) return 0;
    __builtin_memcpy(key.id, &server, sizeof key.id);
    __u32* id = bpf_map_lookup_elem(&servers, &key);
    return id ? *id : 0;
}

/* The target that a QUIC packet names goes before the one that its flow had. Whether it names one. */
static __always_inline int take_named(struct xdp_md* ctx, const struct weir_frontend* frontend,
                                      __u32 transport, __u32 half, struct found* found) {
    __u32 named = named_target(ctx, transport, frontend->number << 1 | half, frontend->quic);
    struct weir_target* target = named ? get_target(half, named) : 0;
    if (!target || target->accepts == WEIR_ACCEPTS_NOTHING) return 0;
    found->known &= found->id == named;
    found->id = named;
    found->target = target;
    return 1;
}

/* The end of a packet that has its new headers: out by the interface, and counted for its target. */
static __always_inline int go(struct xdp_md* ctx, const struct weir_generation* generation, __u32 interface,
                              __u32 target, __u32 bytes, __u32 opens, struct weir_trace* trace) {
    int verdict = generation->flags & WEIR_SEVERAL ? leave_by(ctx, interface) : XDP_TX;
    if (verdict == XDP_DROP) return leave(WEIR_REASON_no_interface, trace, REAL);
    count(target, bytes, opens);
    return verdict;
}

/* The longest IP packet that the interface takes: one that leaves as it came needs no look. */
static __always_inline __u32 mtu_of(struct xdp_md* ctx, __u32 interface) {
    if (interface == ctx->ingress_ifindex) return 0xffff;
    const struct weir_interface* out = bpf_map_lookup_elem(&interfaces, &interface);
    return out ? out->mtu : 0xffff;
}

/* An answer to a client by NAT. Negative where the packet is none. */
__noinline int send_back(struct xdp_md* ctx, const struct packet* p, struct weir_trace* trace, __u32 mode) {
    struct scratch* s = my_scratch();
    __u32 id = 0, interface = ctx->ingress_ifindex;
    if (!p || !s) return -1;
    const struct weir_generation* generation = &state.generation[p->half & 1];
    const struct weir_interface* ours = bpf_map_lookup_elem(&interfaces, &interface);
    void* data = (void*)(long)ctx->data;
    if (data + ETH_HLEN > (void*)(long)ctx->data_end || (ours && !is_for(data, ours->mac))) return -1;
    if (p->kind == LATER_FRAGMENT) {
        struct weir_fragment* first = recall_fragment(p, s);
        if (!first || !first->translation.towards_client) return -1;
        s->there = first->translation;
    } else if (!find_back(p, s)) {
        return -1;
    }
    id = s->there.target;
    if (p->hops <= 1) return refuse(ctx, p, WEIR_REASON_expired, 0, generation, trace, mode);
    __u32 room = mtu_of(ctx, s->there.interface);
    if (p->length > room) return refuse(ctx, p, WEIR_REASON_too_big, room, generation, trace, mode);
    if (mode == REAL && translate_back(ctx, p) != XDP_TX) return leave(WEIR_REASON_truncated, trace, mode);
    if (p->kind == FIRST_FRAGMENT && mode == REAL) note_fragment(p, s, id, 0);
    if (trace) {
        trace->reason = WEIR_FORWARDED;
        trace->target = id;
        trace->from_flow = 1;
    }
    if (mode == DRY) return XDP_TX;
    __builtin_memset(&s->hop, 0, sizeof s->hop);
    __builtin_memcpy(s->hop.mac, s->there.mac, 2 * ETH_ALEN);
    s->hop.vlan = s->there.vlan;
    if (send(ctx, p, &s->hop, 0) != XDP_TX) return leave(WEIR_REASON_no_room, trace, mode);
    return go(ctx, generation, s->there.interface, id, p->bytes, 0, trace);
}

/* Changes the packet as its target's method asks, and sends it. */
__noinline int deliver(struct xdp_md* ctx, const struct packet* p, struct weir_trace* trace) {
    __u32 reason = 0;
    struct scratch* s = my_scratch();
    if (!p || !s) return leave(WEIR_REASON_no_backend, trace, REAL);
    __u32 half = p->half & 1;
    const struct weir_target* target = get_target(half, p->target);
    if (!target) return leave(WEIR_REASON_no_backend, trace, REAL);
    if ((target->method & WEIR_METHOD) == WEIR_NAT && p->kind != LATER_FRAGMENT) {
        reason = translate_there(ctx, p);
    } else if ((target->method & WEIR_METHOD) == WEIR_NAT) {
        if (rewrite(ctx, p, &s->old, &s->there.to) != XDP_TX) reason = WEIR_REASON_truncated;
    } else if ((target->method & WEIR_METHOD) == WEIR_DSCP) {
        s->key.destination = target->backend;
        s->key.ports = p->ports;
        s->key.source = p->source;
        if ((p->kind == ICMP_ERROR && sender_of(ctx, p, &s->key.source)) ||
            rewrite(ctx, p, &s->old, &s->key) != XDP_TX || mark(ctx, p, target->port) != XDP_TX)
            reason = WEIR_REASON_truncated;
    }
    if (reason) return leave(reason, trace, REAL);
    if (p->kind == FIRST_FRAGMENT) note_fragment(p, s, p->target, p->hash);
    if (send(ctx, p, target, p->hash) != XDP_TX) return leave(WEIR_REASON_no_room, trace, REAL);
    return go(ctx, &state.generation[half], target->interface, p->target, p->bytes, p->opens, trace);
}

/* Sends the packet to found->target, if it may go there. */
static __always_inline int pass_on(struct xdp_md* ctx, struct packet* p, struct found* found,
                                   const struct weir_generation* generation, struct weir_trace* trace,
                                   __u32 mode) {
    struct weir_target* target = found->target;
    if (!found->id || !target || target->accepts == WEIR_ACCEPTS_NOTHING)
        return leave(WEIR_REASON_no_backend, trace, mode);
    if (!is_for_us(ctx, target, generation->flags & WEIR_SEVERAL))
        return leave(WEIR_REASON_not_for_us, trace, mode);
    note(trace, found);
    if (p->hops <= 1) return refuse(ctx, p, WEIR_REASON_expired, 0, generation, trace, mode);
    if (p->length > target->room)
        return refuse(ctx, p, WEIR_REASON_too_big, target->room, generation, trace, mode);
    if (mode == DRY) return XDP_TX;
    int opens = found->bucket && p->kind != ICMP_ERROR; /* else the flow does not change by it */
    if (opens) {
        p->state = next_state(p, found->known, entry_state(found->flow.entry));
        remember(found, p);
    }
    p->target = found->id;
    p->opens = opens && !found->known;
    return deliver(ctx, p, trace);
}

static __always_inline int later_fragment(struct xdp_md* ctx, struct packet* p,
                                          const struct weir_generation* generation, struct weir_trace* trace,
                                          __u32 mode) {
    struct scratch* s = my_scratch();
    struct weir_fragment* first = s ? recall_fragment(p, s) : 0;
    if (!first)
        return leave(
            generation->flags & WEIR_UNMATCHED_PASS ? WEIR_REASON_unmatched_passed : WEIR_REASON_fragment,
            trace, mode);
    s->there = first->translation;
    struct found found = {.id = s->there.target, .known = 1};
    found.target = get_target(p->half & 1, found.id);
    p->hash = (__u64)first->hash << 16;
    return pass_on(ctx, p, &found, generation, trace, mode);
}

/* A packet that a frontend takes. */
static __always_inline int balance(struct xdp_md* ctx, struct packet* p, struct weir_frontend* frontend,
                                   const struct weir_generation* generation, struct weir_trace* trace,
                                   __u32 mode) {
    struct found found = {};
    __u32 half = p->half & 1;
    int named = 0;
    p->hash = flow_hash(hash_source(p, state.secret) ^ hash_open(p, frontend), frontend->flow_key);
    if (trace) trace->frontend = frontend->number;
    if (!find_bucket(&found, p->hash, generation)) return leave(WEIR_REASON_no_backend, trace, mode);
    recall(&found, p, frontend, half);
    if (!found.known && state.former_secret) recall_former(&found, p, frontend, generation);
    if (frontend->flags & WEIR_QUIC && p->key.protocol == IPPROTO_UDP && p->kind == WHOLE)
        named = take_named(ctx, frontend, p->transport, half, &found);
    if (!found.known && !named) {
        found.id = frontend->flags & (WEIR_STICKY | WEIR_TURNS | WEIR_RANDOM)
                       ? choose_otherwise(p, frontend, mode)
                       : choose(frontend, p->hash);
        found.target = get_target(half, found.id);
    }
    int verdict = pass_on(ctx, p, &found, generation, trace, mode);
    if (frontend->flags & WEIR_STICKY && found.known && mode == REAL && verdict != XDP_DROP &&
        (p->state == WEIR_ESTABLISHED || p->state == WEIR_DATAGRAM))
        keep_source(p, frontend, found.id);
    return verdict;
}

/* An echo request to a VIP that no service takes. */
static __always_inline int echo(struct xdp_md* ctx, const struct packet* p,
                                const struct weir_generation* generation, struct weir_trace* trace,
                                __u32 mode) {
    void* data = (void*)(long)ctx->data;
    void* end = (void*)(long)ctx->data_end;
    __u32 interface = ctx->ingress_ifindex;
    const struct weir_interface* ours = bpf_map_lookup_elem(&interfaces, &interface);
    if (data + ETH_HLEN > end || *(__u8*)data & 1 || (ours && !is_for(data, ours->mac)))
        return leave(WEIR_REASON_not_for_us, trace, mode);
    if (!is_from_a_host(p)) return leave(WEIR_REASON_malformed, trace, mode);
    if (mode == REAL && !may_send(generation)) return leave(WEIR_REASON_echo_limited, trace, mode);
    if (mode == REAL && answer_echo(ctx, p) != XDP_TX) return leave(WEIR_REASON_truncated, trace, mode);
    return leave(WEIR_REASON_echo, trace, mode);
}

static __always_inline int general(struct xdp_md* ctx, struct weir_trace* trace, __u32 mode) {
    struct scratch* s = my_scratch();
    if (!s) return leave(WEIR_REASON_no_backend, trace, mode);
    struct packet* p = &s->packet;
    __builtin_memset(p, 0, sizeof *p);
    __u32 active = *(volatile __u32*)&state.active, half = active & 1;
    if (active & WEIR_STOPPED) return leave(WEIR_REASON_watchdog, trace, mode);
    const struct weir_generation* generation = &state.generation[half];
    p->half = half;
    __u32 reason = read_headers(ctx, p);
    if (reason == WEIR_REASON_not_ip) return leave(reason, trace, mode);
    if (p->kind >= SOLICITATION && !reason) return neighbour(ctx, p, trace, mode);
    struct weir_frontend* frontend = match(p, ANY_ROW);
    if (reason) return strange(frontend, reason, generation, trace, mode);
    if (p->kind == LATER_FRAGMENT && frontend) return later_fragment(ctx, p, generation, trace, mode);
    if (frontend && frontend->number) return balance(ctx, p, frontend, generation, trace, mode);
    if (generation->flags & WEIR_HAS_NAT) {
        int sent = send_back(ctx, p, trace, mode);
        if (sent >= 0) return sent;
    }
    if (frontend && p->kind == ECHO_REQUEST && generation->flags & WEIR_ECHO)
        return echo(ctx, p, generation, trace, mode);
    return strange(frontend, WEIR_REASON_unmatched, generation, trace, mode);
}

/* The general program of each way (enum weir_way) that is loaded. */
struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, WEIR_WAYS_THROUGH);
    __uint(key_size, sizeof(__u32));
    __uint(value_size, sizeof(__u32));
} programs SEC(".maps");

/* LEFT: general() is to see it. */
enum { LEFT = -1 };

/* Of a frontend with flags: whether there is no more to do than to follow the flow's entry, or the server
 * that a QUIC packet names. */
static __always_inline int follows(struct xdp_md* ctx, const struct weir_frontend* frontend,
                                   const struct packet* p, __u32 half, struct found* found) {
    __u32 header = p->key.family == WEIR_V4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
    if (frontend->flags & WEIR_QUIC && p->key.protocol == IPPROTO_UDP)
        take_named(ctx, frontend, p->at + header, half, found);
    return found->known && !(frontend->flags & WEIR_STICKY && is_due(&found->flow));
}

static __always_inline int hot(struct xdp_md* ctx, struct weir_trace* trace, __u32 mode) {
    void* data = (void*)(long)ctx->data;
    void* end = (void*)(long)ctx->data_end;
    struct packet p = {};
    if (!parse_plain(data, end, &p)) return LEFT;

    __u32 active = *(volatile __u32*)&state.active, half = active & 1;
    if (active & WEIR_STOPPED) return leave(WEIR_REASON_watchdog, trace, mode);
    const struct weir_generation* generation = &state.generation[half];
    __u64 source = hash_source(&p, state.secret);
    __u32 place;
    struct weir_frontend* frontend = find_frontend(&p.key, half, generation->salt, &place);
    if (!frontend) {
        if (generation->flags & (WEIR_WILDCARDS | WEIR_HAS_NAT)) return LEFT;
        return strange(find_vip(&p, half, generation->salt), WEIR_REASON_unmatched, generation, trace, mode);
    }
    if (trace) trace->frontend = frontend->number;
    struct found found;
    __u64 hash = flow_hash(source, frontend->flow_key);
    if (!find_bucket(&found, hash, generation)) return leave(WEIR_REASON_no_backend, trace, mode);
    recall(&found, &p, frontend, half);
    if (frontend->flags && !follows(ctx, frontend, &p, half, &found)) return LEFT;
    if (!found.known) {
        if (state.former_secret) return LEFT;
        found.id = choose(frontend, hash);
        found.target = get_target(half, found.id);
        if (!found.id || !found.target || found.target->accepts == WEIR_ACCEPTS_NOTHING)
            return leave(WEIR_REASON_no_backend, trace, mode);
    }
    struct weir_target* target = found.target;
    if ((target->method & WEIR_METHOD) > WEIR_GUE || p.length > target->room) return LEFT;
    if (generation->flags & WEIR_SEVERAL && ctx->ingress_ifindex != target->interface) return LEFT;
    if (data + ETH_HLEN > end) return XDP_ABORTED; /* the verifier's: parse_plain() has looked */
    if (!is_for(data, target->source_mac)) return leave(WEIR_REASON_not_for_us, trace, mode);

    note(trace, &found);
    if (mode == DRY) return XDP_TX;
    remember(&found, &p);
    if (send(ctx, &p, target, hash) != XDP_TX) return leave(WEIR_REASON_no_room, trace, mode);
    count(found.id, p.at + p.length, !found.known);
    return XDP_TX;
}

static __always_inline int leave_to_general(struct xdp_md* ctx, __u32 way) {
    bpf_tail_call(ctx, &programs, way);
    return leave(WEIR_REASON_incomplete, 0, REAL);
}

SEC("xdp.frags")
int weir(struct xdp_md* ctx) {
    int verdict = hot(ctx, 0, REAL);
    return verdict == LEFT ? leave_to_general(ctx, WEIR_AS_IT_IS) : verdict;
}

SEC("xdp.frags")
int weir_general(struct xdp_md* ctx) {
    return general(ctx, 0, REAL);
}

static __always_inline int tell(const struct weir_trace* mine, int verdict) {
    trace = *mine;
    return verdict;
}

SEC("xdp.frags")
int weir_dry(struct xdp_md* ctx) {
    struct weir_trace mine = {};
    int verdict = hot(ctx, &mine, DRY);
    return verdict == LEFT ? leave_to_general(ctx, WEIR_DRY_RUN) : tell(&mine, verdict);
}

SEC("xdp.frags")
int weir_general_dry(struct xdp_md* ctx) {
    struct weir_trace mine = {};
    int verdict = general(ctx, &mine, DRY);
    return tell(&mine, verdict);
}

SEC("xdp.frags")
int weir_traced(struct xdp_md* ctx) {
    struct weir_trace mine = {};
    int verdict = hot(ctx, &mine, REAL);
    return verdict == LEFT ? leave_to_general(ctx, WEIR_TRACED) : tell(&mine, verdict);
}

SEC("xdp.frags")
int weir_general_traced(struct xdp_md* ctx) {
    struct weir_trace mine = {};
    int verdict = general(ctx, &mine, REAL);
    return tell(&mine, verdict);
}

SEC("xdp.frags")
int weir_capturing(struct xdp_md* ctx) {
    struct weir_trace mine = {};
    keep_head(ctx);
    int verdict = hot(ctx, &mine, REAL);
    return verdict == LEFT ? leave_to_general(ctx, WEIR_CAPTURING) : show(&mine, verdict);
}

SEC("xdp.frags")
int weir_general_capturing(struct xdp_md* ctx) {
    struct weir_trace mine = {};
    int verdict = general(ctx, &mine, REAL);
    return show(&mine, verdict);
}

char _license[] SEC("license") = "GPL";
