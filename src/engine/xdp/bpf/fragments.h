/* Later fragments have no ports: they go where the first one of their packet went, which noted it. One that
 * comes before the first is dropped (the sender sends the packet again), as is one that comes when newer
 * packets have taken the note's place, or when the note is old. RFC 791, RFC 8200. */
#pragma once

#include "engine/xdp/bpf/nat.h"

#define NOTE_TICKS 2 /* of the flows' age: 4 s at least. A host uses its identifications again */

/* s->key, for the packet's fragments. IPv6 numbers packets whatever they carry, and which header comes after
 * the fragment header is not what they carry. */
static __always_inline void fragment_key(const struct packet* p, struct weir_tuple* key) {
    tuple_of(p, key);
    key->protocol = p->key.family == WEIR_V4 ? p->protocol : 0;
    key->ports = p->identification;
}

static __always_inline void note_fragment(const struct packet* p, struct scratch* s, __u32 id, __u64 hash) {
    fragment_key(p, &s->key);
    s->fragment.translation = s->there;
    s->fragment.translation.target = id;
    s->fragment.hash = hash >> 16;
    s->fragment.age = now_in_ticks();
    bpf_map_update_elem(&fragments, &s->key, &s->fragment, BPF_ANY);
}

static __always_inline struct weir_fragment* recall_fragment(const struct packet* p, struct scratch* s) {
    fragment_key(p, &s->key);
    struct weir_fragment* note = bpf_map_lookup_elem(&fragments, &s->key);
    return note && one_and_ticks_since(note->age, now_in_ticks()) <= NOTE_TICKS + 1 ? note : 0;
}
