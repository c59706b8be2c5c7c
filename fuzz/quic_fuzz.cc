// Any bytes as a UDP payload through the decoder of QUIC connection ids (engine/xdp/bpf/quic.h). The first
// two are the lengths of server id and nonce, the third says under which rotation bits and whether with a
// key.
#include "engine/xdp/bpf/quic.h"

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "engine/xdp/quic_keys.h"

namespace {

using namespace weir::engine::xdp;

void require(bool holds) {
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 3) return 0;
    auto key = data[2] & 8 ? std::optional(QuicKey{1, 2, 3}) : std::nullopt;
    auto config = make_quic_config(data[0], data[1], key);
    if (!config) {
        require(!config.error().message.empty());
        return 0;
    }
    weir_quic_table table{};
    table.config[data[2] % WEIR_QUIC_CONFIGS] = *config;

    // A copy of just this size, so that a read behind its end is seen.
    size -= 3;
    auto payload = std::make_unique<uint8_t[]>(size);
    std::copy_n(data + 3, size, payload.get());
    weir_server_id server{};
    const int length = find_quic_server(payload.get(), payload.get() + size, &table, &server);
    require(length == 0 || length == data[0]);
    require(server.length == length);
    require(
        std::all_of(server.bytes + length, std::end(server.bytes), [](uint8_t byte) { return byte == 0; }));
    if (length)
        require(size >= 2u + data[0] + data[1] && data[2] % WEIR_QUIC_CONFIGS != WEIR_QUIC_UNROUTABLE);
    return 0;
}
