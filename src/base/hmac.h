// HMAC-SHA-256 (RFC 2104, FIPS 180-4) under one key.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

struct evp_mac_ctx_st;

namespace weir {

class Hmac {
  public:
    using Code = std::array<uint8_t, 32>;

    explicit Hmac(std::string_view key);

    Code of(std::span<const uint8_t> bytes) const;
    Code of(std::string_view text) const;

  private:
    struct Free {
        void operator()(evp_mac_ctx_st* context) const;
    };
    std::unique_ptr<evp_mac_ctx_st, Free> keyed_;
};

/// The first bytes of a code as a number, in network order.
template <class Number>
Number first_of(const Hmac::Code& code) {
    Number number = 0;
    for (size_t i = 0; i < sizeof number; ++i) number = static_cast<Number>(number << 8 | code[i]);
    return number;
}

}  // namespace weir
