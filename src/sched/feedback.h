// Consistent hashing with feedback: weights of a table are corrected so that loads come to be as the weights
// are. Pure. doc/schedulers.md has the reasons of the numbers.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/tiers.h"

namespace weir::sched {

/// One target that takes new flows.
struct Loaded {
    uint32_t weight = 1;
    double load = 0;                      // flows, or another measure; only the ratios count, and above noise
    uint32_t correction = model::kWhole;  // of its weight, as it is now

    bool operator==(const Loaded&) const = default;
};

/// The least correction; the largest is kWhole.
constexpr uint32_t kLeastCorrection = model::kWhole / 4;

/// The corrections from now on, one step nearer to where they belong; the very same where every load is
/// within 10 % of its weight's share or so few that chance may explain it. To be repeated every few seconds.
std::vector<uint32_t> correct(std::span<const Loaded> targets);

}  // namespace weir::sched
