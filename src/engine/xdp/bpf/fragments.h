/* Later fragments have no ports: they go where the first one of their packet went, which noted it. One that
 * comes before the first is dropped (the sender sends the packet again), as is one that comes when newer
 * packets have taken the note's place. RFC 791, RFC 8200. */
#pragma once

#include "engine/xdp/bpf/nat.h"

/* s->key, for the packet's fragments. */
static __always_inline void fragment_key(const struct packet* p, struct weir_tuple* key) {
    tuple_of(p, key);
    key->protocol = p->protocol;
    key->ports = p->identification;
}

static __always_inline void note_fragment(const struct packet* p, struct scratch* s, __u32 id, __u64 hash) {
    fragment_key(p, &s->key);
    s->fragment.translation = s->there;
    s->fragment.translation.target = id;
    s->fragment.hash = hash >> 16;
    bpf_map_update_elem(&fragments, &s->key, &s->fragment, BPF_ANY);
}

static __always_inline struct weir_fragment* recall_fragment(const struct packet* p, struct scratch* s) {
    fragment_key(p, &s->key);
    return bpf_map_lookup_elem(&fragments, &s->key);
}
