#include "engine/xdp/quic_keys.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "engine/xdp/bpf/aes.h"

namespace weir::engine::xdp {
namespace {

constexpr unsigned kLeastNonce = 4;
constexpr unsigned kMostBytes = WEIR_QUIC_ID_MAX - 1;

using BlockBytes = std::array<uint8_t, sizeof(weir_aes_block)>;

weir_aes_block to_block(const BlockBytes& bytes) {
    weir_aes_block block;
    std::memcpy(&block, bytes.data(), sizeof block);
    return block;
}

/// Ones in `count` bytes, zeros behind.
BlockBytes ones(unsigned count) {
    BlockBytes bytes{};
    std::fill_n(bytes.begin(), count, uint8_t{0xff});
    return bytes;
}

/// A column through the S-box.
uint32_t substitute(uint32_t column) {
    return aes_substitute(kAesSbox, column, column, column, column);
}

/// InvMixColumns: the decryption table holds it behind the inverse S-box, which the S-box cancels.
uint32_t unmix(uint32_t column) {
    uint32_t s = substitute(column);
    return aes_mix(kAesInverse, s, s, s, s);
}

}  // namespace

weir_aes_key encryption_key(const QuicKey& key) {
    weir_aes_key expanded;
    expanded.round[0] = to_block(key);
    uint32_t constant = 1;
    for (size_t round = 1; round <= WEIR_AES_ROUNDS; round++) {
        const auto& before = expanded.round[round - 1].column;
        auto& now = expanded.round[round].column;
        now[0] = before[0] ^ substitute(before[3] >> 8 | before[3] << 24) ^ constant;
        for (size_t i = 1; i < 4; i++) now[i] = before[i] ^ now[i - 1];
        constant = AES_X2(constant);
    }
    return expanded;
}

weir_aes_key decryption_key(const QuicKey& key) {
    weir_aes_key expanded = encryption_key(key);
    std::ranges::reverse(expanded.round);
    for (auto& round : std::span(expanded.round).subspan(1, WEIR_AES_ROUNDS - 1))
        for (auto& column : round.column) column = unmix(column);
    return expanded;
}

Result<weir_quic_config> make_quic_config(unsigned server_id_length, unsigned nonce_length,
                                          const std::optional<QuicKey>& key) {
    if (server_id_length < 1) return fail("a QUIC server id needs at least 1 byte");
    if (nonce_length < kLeastNonce)
        return fail("a QUIC nonce needs at least {} bytes, not {}", kLeastNonce, nonce_length);
    if (server_id_length > kMostBytes || nonce_length > kMostBytes - server_id_length)
        return fail(
            "a QUIC server id of {} and a nonce of {} bytes are more than the {} that fit in a connection id",
            server_id_length, nonce_length, kMostBytes);

    const unsigned length = server_id_length + nonce_length;
    weir_quic_config config{};
    config.server_id_length = static_cast<uint8_t>(server_id_length);
    config.nonce_length = static_cast<uint8_t>(nonce_length);
    config.server_id_mask = to_block(ones(server_id_length));
    if (!key) {
        config.mode = WEIR_QUIC_PLAINTEXT;
    } else if (length == sizeof(weir_aes_block)) {
        config.mode = WEIR_QUIC_SINGLE_PASS;
        config.key = decryption_key(*key);
    } else {
        config.mode = WEIR_QUIC_FOUR_PASS;
        config.key = encryption_key(*key);
        const unsigned half = (length + 1) / 2;
        BlockBytes left = ones(half), right = left;
        if (length % 2) {
            left[half - 1] = 0xf0;
            right[0] = 0x0f;
        }
        config.left_mask = to_block(left);
        config.right_mask = to_block(right);
    }
    return config;
}

}  // namespace weir::engine::xdp
