// QUIC-LB configurations (draft-ietf-quic-load-balancers-21) in the form that the datapath reads: lengths
// checked, masks laid out, the AES-128 key expanded. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/result.h"
#include "engine/xdp/quic_abi.h"

namespace weir::engine::xdp {

using QuicKey = std::array<uint8_t, 16>;

/// FIPS 197, 5.2.
weir_aes_key encryption_key(const QuicKey& key);

/// For the equivalent inverse cipher: FIPS 197, 5.3.5.
weir_aes_key decryption_key(const QuicKey& key);

/// One configuration; where it goes in weir_quic_table is its rotation bits. Without a key server ids stand
/// in the connection ids for everybody to read. Fails for lengths that the draft does not permit.
Result<weir_quic_config> make_quic_config(unsigned server_id_length, unsigned nonce_length,
                                          const std::optional<QuicKey>& key);

}  // namespace weir::engine::xdp
