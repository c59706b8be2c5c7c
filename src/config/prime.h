// Primes, which the sizes of lookup tables are.
#pragma once

#include <cstdint>

namespace weir::config {

constexpr bool is_prime(uint32_t number) {
    if (number < 2) return false;
    for (uint64_t factor = 2; factor * factor <= number; factor++)
        if (number % factor == 0) return false;
    return true;
}

/// The least prime that is not below the number; of numbers below 2³¹.
constexpr uint32_t next_prime(uint32_t number) {
    while (!is_prime(number)) number++;
    return number;
}

}  // namespace weir::config
