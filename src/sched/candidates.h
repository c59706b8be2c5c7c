// What a frontend's targets weigh beside each other in its table. Pure.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "model/plan.h"
#include "sched/table.h"

namespace weir::sched {

/// Weights beside each other. Where every target counts with all of its weight they are the weights that the
/// operator gave, else in the same ratios up to kMostWeight, each at least 1.
std::vector<Candidate> weighed(const std::vector<const model::Target*>& targets);

/// Of the targets that accept all flows, and of which takes(target) is true.
template <class Takes>
std::vector<Candidate> candidates_of(const model::Frontend& frontend, Takes takes) {
    std::vector<const model::Target*> targets;
    for (const auto& target : frontend.targets)
        if (target.accepts == model::Accepts::all && takes(target)) targets.push_back(&target);
    return weighed(targets);
}

}  // namespace weir::sched
