#include "control/remaining.h"

#include <algorithm>

namespace weir::control {

using model::Frontend, model::Plan;

namespace {

/// Null where it is not in the plan.
const Frontend* find(const Plan& plan, const model::FrontendKey& key) {
    auto found = std::ranges::lower_bound(plan.frontends, key, {}, &Frontend::key);
    return found != plan.frontends.end() && found->key == key ? &*found : nullptr;
}

}  // namespace

std::optional<Plan> remaining(const Plan& in_force, const Plan& wanted) {
    // Of a large plan most frontends are the very same in both, and nearly always all are here to stay.
    auto is_lost = [&](const Frontend& each) {
        const auto* next = find(wanted, each.key);
        return next != &each && each.answers() && !(next && next->answers());
    };
    const bool falls_silent =
        (wanted.silent && !in_force.silent) || (wanted.stands_by && !in_force.stands_by);
    if (!falls_silent && std::ranges::none_of(in_force.frontends, is_lost)) return std::nullopt;
    Plan left = in_force;
    left.silent = wanted.silent;
    left.stands_by = wanted.stands_by;
    left.frontends.clear();
    for (const auto& each : in_force.frontends) {
        const auto* next = find(wanted, each.key);
        // What does not answer stays in: it keeps others from announcing the VIP.
        if (next) left.frontends.push_back(next->answers() ? each : *next);
    }
    return left;
}

Plan partly(const Plan* former, const Plan& wanted,
            const std::function<bool(model::EngineKind)>& is_in_force) {
    std::vector<SharedList<Frontend>::Item> frontends;
    for (size_t i = 0; i < wanted.frontends.size(); ++i)
        if (is_in_force(wanted.frontends[i].engine)) frontends.push_back(wanted.frontends.item(i));
    const auto own = std::ssize(frontends);
    for (size_t i = 0; former && i < former->frontends.size(); ++i) {
        const auto& each = former->frontends[i];
        const auto* next = find(wanted, each.key);
        const bool is_replaced = next && is_in_force(next->engine);
        if (!is_in_force(each.engine) && !is_replaced) frontends.push_back(former->frontends.item(i));
    }
    std::ranges::inplace_merge(frontends, frontends.begin() + own, {},
                               [](const auto& frontend) { return frontend->key; });
    Plan plan = wanted;
    plan.frontends = SharedList<Frontend>(std::move(frontends));
    return plan;
}

}  // namespace weir::control
