// Any bytes as a frame through the datapath's own parser (engine/xdp/bpf/parse.h), compiled for user space.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/xdp/bpf/parse.h"

int LLVMFuzzerTestOneInput(const unsigned char* bytes, size_t size) {
    // A copy of just this size, so that a read behind its end is seen.
    unsigned char* frame = malloc(size ? size : 1);
    memcpy(frame, bytes, size);
    struct packet packet = {0};
    __u32 reason = parse(frame, frame + size, &packet);
    assert(reason < WEIR_REASONS);
    if (reason == 0) {
        assert(packet.key.protocol == IPPROTO_TCP || packet.key.protocol == IPPROTO_UDP);
        assert(packet.key.port == (__u16)(packet.ports >> 16));
    }
    if (reason != WEIR_REASON_not_ip) assert(packet.key.family == WEIR_V4 || packet.key.family == WEIR_V6);
    if (packet.key.family == WEIR_V4) assert(packet.key.vip.half[1] == 0 && packet.source.half[1] == 0);
    free(frame);
    return 0;
}
