// The hash that both schedulers draw from: fixed, unkeyed, the same on every machine, so that twins build
// equal tables.
#pragma once

#include <cstdint>

#include "net/ip.h"

namespace weir::sched {

/// One output of SplitMix64 (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA
/// 2014).
constexpr uint64_t mix(uint64_t x) {
    x += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

/// Of an address: its bytes as big-endian 64-bit words, zeros behind, folded in one by one after their
/// number.
inline uint64_t hash(const net::Ip& address) {
    auto bytes = address.bytes();
    uint64_t hash = mix(bytes.size());
    for (size_t start = 0; start < bytes.size(); start += 8) {
        uint64_t word = 0;
        for (size_t i = start; i < start + 8; ++i) word = word << 8 | (i < bytes.size() ? bytes[i] : 0);
        hash = mix(hash ^ word);
    }
    return hash;
}

}  // namespace weir::sched
