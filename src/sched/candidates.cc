#include "sched/candidates.h"

namespace weir::sched {

std::vector<Candidate> weighed(const std::vector<const model::Target*>& targets) {
    auto counts = [](const model::Target* target) {
        return uint64_t{target->backend.weight} * target->fraction;
    };
    bool whole = std::ranges::all_of(
        targets, [](const model::Target* target) { return target->fraction == model::kWhole; });
    uint64_t most = 1;
    for (const auto* target : targets) most = std::max(most, counts(target));
    std::vector<Candidate> candidates;
    candidates.reserve(targets.size());
    for (const auto* target : targets) {
        auto scaled = (counts(target) * kMostWeight + most / 2) / most;
        candidates.push_back(
            {target->backend.address,
             whole ? target->backend.weight : static_cast<uint32_t>(std::max<uint64_t>(scaled, 1))});
    }
    return candidates;
}

}  // namespace weir::sched
