#include "control/remaining.h"

#include <algorithm>

namespace weir::control {

using model::Frontend, model::Plan;

std::optional<Plan> remaining(const Plan& in_force, const Plan& wanted) {
    bool loses = wanted.silent && !in_force.silent;
    Plan left = in_force;
    left.silent = wanted.silent;
    left.frontends.clear();
    for (const auto& each : in_force.frontends) {
        auto found = std::ranges::lower_bound(wanted.frontends, each.key, {}, &Frontend::key);
        const bool is_known = found != wanted.frontends.end() && found->key == each.key;
        const bool answers = is_known && found->answers();
        loses = loses || (each.answers() && !answers);
        // What does not answer stays in: it keeps others from announcing the VIP.
        if (is_known) left.frontends.push_back(answers ? each : *found);
    }
    return loses ? std::optional(std::move(left)) : std::nullopt;
}

}  // namespace weir::control
