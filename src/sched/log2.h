// A logarithm in integers: the C library's may differ by a bit between two machines, and then so would their
// tables.
#pragma once

#include <bit>
#include <cstdint>

namespace weir::sched {

constexpr int kLogBits = 40;
__extension__ using Uint128 = unsigned __int128;

/// -log2(u / 2^64) in units of 2^-40, for u > 0; off by at most two units, never increasing with u.
/// One bit of the fraction a round: squaring doubles the logarithm, and a square of 2 or more sets the bit.
constexpr uint64_t negative_log2(uint64_t u) {
    const int zeros = std::countl_zero(u);
    uint64_t x = u << zeros;  // in [1, 2), with 63 bits of fraction
    uint64_t fraction = 0;
    for (int bit = 0; bit < kLogBits; ++bit) {
        auto square = static_cast<uint64_t>(static_cast<Uint128>(x) * x >> 64);  // in [1, 4), 62 bits
        const uint64_t two = square >> 63;
        fraction = fraction << 1 | two;
        x = two != 0 ? square : square << 1;
    }
    return (static_cast<uint64_t>(zeros + 1) << kLogBits) - fraction;
}

}  // namespace weir::sched
