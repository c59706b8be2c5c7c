// A proportional correction, not an integral one. Flows answer to a table slowly (as long as they last) and
// are seen late, so a correction that goes on for as long as there is an error swings back and forth. Here
// it follows from the loads of the moment alone: (mean / load) ^ 2. A backend whose flows last twice as long
// as the others' ends with 26 % more of them, instead of 100 %. Of the way there it goes a quarter a step, so
// that it comes to rest from one side also where flows are so short that the loads answer at once.
#include "sched/feedback.h"

#include <algorithm>
#include <cmath>

namespace weir::sched {
namespace {

constexpr double kBand = 0.10;          // of a load: less is no error
constexpr double kAimBand = 2 * kBand;  // of its correction, which answers to the load's square
constexpr double kNoise = 4;            // standard deviations of what chance does to a count
constexpr double kFew = 9;              // so many flows say nothing
constexpr uint64_t kStep = 4;           // of the way, a fourth part

double mean_load(std::span<const Loaded> targets) {
    double load = 0, weight = 0;
    for (const auto& target : targets) {
        load += target.load;
        weight += target.weight;
    }
    return weight > 0 ? load / weight : 0;
}

bool is_off(const Loaded& target, double mean) {
    auto expected = mean * target.weight, off = std::abs(target.load - expected);
    return off > kBand * expected && off > kNoise * std::sqrt(expected + kFew);
}

/// Nobody is raised above its weight: a new backend, with no load yet, would drown.
uint32_t aim_of(const Loaded& target, double mean) {
    auto ratio = target.load > 0 ? mean * target.weight / target.load : 1;
    auto factor = std::clamp(ratio * ratio, double{kLeastCorrection} / model::kWhole, 1.0);
    return static_cast<uint32_t>(std::lround(factor * model::kWhole));
}

/// A quarter of the way, upwards or downwards; none where it is short.
uint32_t approach(uint32_t from, uint32_t to) {
    if (std::abs(static_cast<double>(to) - from) <= kAimBand * from) return from;
    return static_cast<uint32_t>((uint64_t{from} * (kStep - 1) + to) / kStep);
}

}  // namespace

std::vector<uint32_t> correct(std::span<const Loaded> targets) {
    std::vector<uint32_t> corrections;
    auto mean = mean_load(targets);
    uint32_t most = 1;
    for (const auto& target : targets) {
        auto now = target.correction;
        corrections.push_back(is_off(target, mean) ? approach(now, aim_of(target, mean)) : now);
        most = std::max(most, corrections.back());
    }
    // Only ratios count; where all have been lowered, there is room again.
    for (auto& correction : corrections)
        correction =
            std::max(static_cast<uint32_t>(uint64_t{correction} * model::kWhole / most), kLeastCorrection);
    return corrections;
}

}  // namespace weir::sched
