// Any bytes as a frame through the datapath's own readers (engine/xdp/bpf/parse.h, headers.h), compiled for
// user space.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/xdp/bpf/parse.h"

typedef struct {
    const unsigned char* bytes;
    size_t size;
} frame;

static int load(const frame* f, __u32 at, void* to, __u32 size) {
    if (at > f->size || size > f->size - at) return -1;
    memcpy(to, f->bytes + at, size);
    return 0;
}

#define __noinline
#include "engine/xdp/bpf/headers.h"

static int same(const struct packet* a, const struct packet* b) {
    return memcmp(&a->key, &b->key, sizeof a->key) == 0 &&
           memcmp(&a->source, &b->source, sizeof a->source) == 0 && a->ports == b->ports &&
           a->bytes == b->bytes && a->at == b->at && a->length == b->length && a->tos == b->tos &&
           a->hops == b->hops && a->tcp_flags == b->tcp_flags;
}

int LLVMFuzzerTestOneInput(const unsigned char* bytes, size_t size) {
    // A copy of just this size, so that a read behind its end is seen.
    unsigned char* copy = malloc(size ? size : 1);
    memcpy(copy, bytes, size);
    frame f = {copy, size};
    struct packet packet = {0}, plain = {0};
    __u32 reason = read_headers(&f, &packet);
    assert(reason < WEIR_REASONS);
    if (reason != WEIR_REASON_not_ip) assert(packet.key.family == WEIR_V4 || packet.key.family == WEIR_V6);
    if (packet.key.family == WEIR_V4) assert(packet.key.vip.half[1] == 0 && packet.source.half[1] == 0);
    if (reason == 0 && packet.kind == WHOLE) assert(packet.key.port == (__u16)(packet.ports >> 16));
    // What the fast reader takes, the thorough one reads alike.
    if (parse_plain(copy, copy + size, &plain)) {
        assert(reason == 0 && packet.kind == WHOLE);
        assert(same(&plain, &packet));
    }
    free(copy);
    return 0;
}
