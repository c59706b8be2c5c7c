#include "control/restraint.h"

#include <fmt/format.h>

#include <algorithm>

#include "sched/feedback.h"

namespace weir::control {
namespace {

/// Not each second: a pass over the flow table takes two, and what a correction does takes longer.
constexpr std::chrono::seconds kCorrectEach{5};

bool has_feedback(const model::Service& service) {
    return service.scheduler.kind == model::SchedulerKind::wlc;
}

bool ramps(const model::Service& service) {
    return service.slow_start > std::chrono::seconds::zero();
}

bool any(const model::Config& config, bool (*has)(const model::Service&)) {
    return std::ranges::any_of(config.services, [&](const auto& service) { return has(service.second); });
}

/// Of a plan that was made of the configuration: which of the service's pools a target is from.
const std::string& pool_of(const model::Service& service, const model::Target& target) {
    if (target.tier == model::kFallbackTier) return service.fallback;
    return target.tier == 0 ? service.pool : service.backup.at(target.tier - 1u);
}

std::string percent(uint32_t fraction) {
    return fmt::format("{:.0f} % of its weight", 100.0 * fraction / model::kWhole);
}

}  // namespace

bool Restraint::wants_loads(const model::Config& config) {
    return Caps::any(config) || any(config, has_feedback);
}

bool Restraint::ticks(const model::Config& config) {
    return wants_loads(config) || any(config, ramps);
}

void Restraint::look(const model::Config& config, const model::Plan& plan, SteadyTime now) {
    if (!ticks(config)) {
        *this = {};
        return;
    }
    ramps_.look(config, plan, now);
    allow(config, plan, now);
}

void Restraint::tick(const model::Config& config, const model::Plan& plan, const Loads& flows,
                     const Loads& loads, SteadyTime now) {
    caps_.look(config, flows);
    if (now - corrected_at_ >= kCorrectEach) {
        correct(config, plan, loads);
        corrected_at_ = now;
    }
    look(config, plan, now);
}

Holds Restraint::holds(SteadyTime now) const {
    Holds holds;
    for (const auto& [target, began] : ramps_.under_way()) holds[target].ramping = now - began;
    for (const auto& [target, correction] : corrections_)
        if (correction != model::kWhole) holds[target].correction = correction;
    return holds;
}

void Restraint::resume(const model::HealthMap& recovered, const Holds& holds, SteadyTime now) {
    Ramps::Begun begun;
    for (const auto& [target, held] : holds) {
        if (held.ramping) begun.emplace(target, now - *held.ramping);
        if (recovered.contains(target)) corrections_.emplace(target, held.correction);
    }
    ramps_.resume(recovered, begun);
}

/// Each tier by itself: which tier carries how much is decided elsewhere.
void Restraint::correct(const model::Config& config, const model::Plan& plan, const Loads& loads) {
    auto former = std::exchange(corrections_, {});
    for (const auto& frontend : plan.frontends) {
        if (!has_feedback(config.services.at(frontend.service))) continue;
        std::map<model::Tier, std::pair<std::vector<model::TargetKey>, std::vector<sched::Loaded>>> tiers;
        for (const auto& target : frontend.targets) {
            if (target.accepts != model::Accepts::all) continue;
            model::TargetKey key{frontend.key, target.backend.address};
            auto load = loads.find(key);
            auto known = former.find(key);
            auto& [keys, loaded] = tiers[target.tier];
            keys.push_back(key);
            loaded.push_back({target.backend.weight, load == loads.end() ? 0 : load->second,
                              known == former.end() ? model::kWhole : known->second});
        }
        for (const auto& [tier, of] : tiers) {
            auto corrections = sched::correct(of.second);
            for (size_t i = 0; i < corrections.size(); ++i) corrections_.emplace(of.first[i], corrections[i]);
        }
    }
}

uint32_t Restraint::correction(const model::TargetKey& target) const {
    auto found = corrections_.find(target);
    return found == corrections_.end() ? model::kWhole : found->second;
}

void Restraint::allow(const model::Config& config, const model::Plan& plan, SteadyTime now) {
    allowances_.clear();
    for (const auto& frontend : plan.frontends) {
        const auto& service = config.services.at(frontend.service);
        for (const auto& target : frontend.targets) {
            model::TargetKey key{frontend.key, target.backend.address};
            model::Allowance allowed;
            auto corrected = correction(key);
            auto ramp = ramps_.fraction(key, service.slow_start, now);
            allowed.fraction =
                static_cast<uint32_t>(uint64_t{corrected} * ramp.value_or(model::kWhole) / model::kWhole);
            if (corrected != model::kWhole)
                allowed.reason = "loaded above the others: counts with " + percent(allowed.fraction);
            if (ramp) allowed.reason = "slow start: counts with " + percent(allowed.fraction);
            allowed.full = caps_.full(pool_of(service, target), key.backend);
            if (allowed.full)
                allowed.reason = fmt::format("full: max_connections is {}", target.backend.max_connections);
            if (allowed != model::Allowance{}) allowances_.emplace(key, std::move(allowed));
        }
    }
}

}  // namespace weir::control
