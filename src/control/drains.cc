#include "control/drains.h"

#include <algorithm>

namespace weir::control {
namespace {

bool drains_flows(const model::Override& override) {
    return override.state == model::AdminState::draining;
}

/// Whether the override's state is the one that counts for this service's backend.
bool rules(const model::Overrides& overrides, const model::OverrideKey& key, const std::string& service) {
    if (key.service == service) return true;
    auto own = overrides.find({key.backend, service});
    return own == overrides.end() || !own->second.state;
}

}  // namespace

std::map<model::OverrideKey, OverrideUse> uses_of(const model::Overrides& overrides, const model::Plan& plan,
                                                  const engine::Observation& seen) {
    std::map<model::OverrideKey, OverrideUse> uses;
    for (const auto& [key, override] : overrides) uses[key];
    if (uses.empty()) return uses;
    for (const auto& frontend : plan.frontends)
        for (const auto& target : frontend.targets) {
            const auto& address = target.backend.address;
            for (auto it = uses.lower_bound({address}); it != uses.end() && it->first.backend == address;
                 ++it) {
                auto& [key, use] = *it;
                if (!key.service.empty() && key.service != frontend.service) continue;
                use.used = true;
                auto traffic = seen.targets.find({frontend.key, address});
                if (traffic != seen.targets.end() && rules(overrides, key, frontend.service))
                    use.flows_active += traffic->second.flows_active;
            }
        }
    return uses;
}

Drains::Ended Drains::look(const model::Overrides& overrides, const model::Plan& plan,
                           const engine::Observation& seen, model::Override::Time now) {
    Ended ended;
    auto counts = seen.flow_table.counts_total;
    std::erase_if(progress_, [&](const auto& each) {
        auto found = overrides.find(each.first);
        return found == overrides.end() || !drains_flows(found->second) ||
               found->second.at != each.second.since;
    });
    auto uses = uses_of(overrides, plan, seen);
    for (const auto& [key, override] : overrides) {
        if (!drains_flows(override)) continue;
        const auto& use = uses.at(key);
        auto& progress = progress_.try_emplace(key, Progress{override.at, counts}).first->second;
        // The count that was under way when the drain began may have missed the newest flows.
        bool counted = counts >= progress.counts_at_first + 2;
        if (!progress.drained && use.used && counted && use.flows_active == 0) {
            progress.drained = true;
            ended.drained.push_back(key);
        }
        // A daemon that has only just started does not know yet how many it cuts off.
        if (override.deadline && *override.deadline <= now && counts > 0)
            ended.expired.emplace_back(key, use.flows_active);
    }
    return ended;
}

bool Drains::drained(const model::OverrideKey& key, const model::Override& override) const {
    auto found = progress_.find(key);
    return found != progress_.end() && found->second.drained && found->second.since == override.at;
}

bool under_way(const model::Overrides& overrides, const Drains& drains) {
    return std::ranges::any_of(overrides, [&](const auto& each) {
        return drains_flows(each.second) &&
               (each.second.deadline || !drains.drained(each.first, each.second));
    });
}

}  // namespace weir::control
