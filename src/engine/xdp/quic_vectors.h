// For tests: the vectors of draft-ietf-quic-load-balancers-21, its Appendix B and the example of its section
// on four-pass encryption. Two rows of Appendix B contradict themselves, and stand here as their connection
// ids say:
// - plaintext, rotation 1: server id "350d28b420" and nonce "3487d970b" are half a byte off from the id;
// - encrypted, rotation 3: the id begins with 0x12, which is rotation 0.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/xdp/quic_keys.h"

namespace weir::engine::xdp {

using Bytes = std::vector<uint8_t>;

struct QuicVector {
    std::string_view name, key, server_id, nonce, id;  // in hexadecimal; no key: plaintext
};

inline constexpr std::string_view kVectorKey = "8f95f09245765f80256934e50c66207f";
inline constexpr QuicVector kQuicVectors[] = {
    {"plaintext_7", "", "c4605e", "4504cc4f", "07c4605e4504cc4f"},
    {"plaintext_10", "", "a350d28b42", "03487d970b", "20a350d28b4203487d970b"},
    {"three_passes_7", kVectorKey, "ed793a", "ee080dbf", "0720b1d07b359d3c"},
    {"four_passes_15", kVectorKey, "ed793a51d49b8f5fab65", "ee080dbf48", "2fcc381bc74cb4fbad2823a3d1f8fed2"},
    {"single_pass_16", kVectorKey, "ed793a51d49b8f5f", "ee080dbf48c0d1e5",
     "504dd2d05a7b0de9b2b9907afb5ecf8cc3"},
    {"three_passes_18", kVectorKey, "ed793a51d49b8f5fab", "ee080dbf48c0d1e55d",
     "125779c9cc86beb3a3a4a3ca96fce4bfe0cdbc"},
    {"example_7", "fdf726a9893ec05c0632d3956680baf0", "31441a", "9c69c275", "0767947d29be054a"},
};

inline Bytes from_hex(std::string_view text) {
    auto digit = [](char c) { return static_cast<uint8_t>(c <= '9' ? c - '0' : c - 'a' + 10); };
    Bytes bytes;
    for (size_t i = 0; i + 1 < text.size(); i += 2)
        bytes.push_back(static_cast<uint8_t>(digit(text[i]) << 4 | digit(text[i + 1])));
    return bytes;
}

inline std::optional<QuicKey> key_of(std::string_view hex) {
    if (hex.empty()) return std::nullopt;
    Bytes bytes = from_hex(hex);
    QuicKey key;
    std::copy_n(bytes.begin(), key.size(), key.begin());
    return key;
}

/// Under the rotation bits that its id has.
inline weir_quic_table table_of(const QuicVector& vector) {
    weir_quic_table table{};
    table.config[from_hex(vector.id)[0] >> 5] =
        make_quic_config(static_cast<unsigned>(vector.server_id.size() / 2),
                         static_cast<unsigned>(vector.nonce.size() / 2), key_of(vector.key))
            .value();
    return table;
}

inline Bytes bytes_of(const weir_server_id& server) {
    return {server.bytes, server.bytes + server.length};
}

/// A UDP payload with this destination connection id and `rest` behind it.
inline Bytes short_packet(const Bytes& id, size_t rest) {
    Bytes payload{0x40};
    payload.insert(payload.end(), id.begin(), id.end());
    payload.resize(payload.size() + rest, 0xee);
    return payload;
}
inline Bytes long_packet(const Bytes& id, size_t rest) {
    Bytes payload{0xc0, 0, 0, 0, 1, static_cast<uint8_t>(id.size())};
    payload.insert(payload.end(), id.begin(), id.end());
    payload.resize(payload.size() + rest, 0xee);
    return payload;
}

}  // namespace weir::engine::xdp
