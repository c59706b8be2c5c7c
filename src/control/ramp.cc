#include "control/ramp.h"

#include <algorithm>

namespace weir::control {

uint32_t ramp_fraction(std::chrono::nanoseconds elapsed, std::chrono::seconds slow_start) {
    if (elapsed >= slow_start) return model::kWhole;
    auto step = 1 + std::max<int64_t>(elapsed.count(), 0) * (kRampSteps - 1) /
                        std::chrono::nanoseconds(slow_start).count();
    return static_cast<uint32_t>(step) * model::kWhole / kRampSteps;
}

void Ramps::resume(const model::HealthMap& recovered, const Begun& begun) {
    for (const auto& [target, health] : recovered) {
        frontends_.emplace(target.frontend, std::nullopt);
        if (!health.up) continue;
        auto ramp = begun.find(target);
        begun_.emplace(target, ramp == begun.end() ? std::nullopt : std::optional(ramp->second));
    }
}

Ramps::Begun Ramps::under_way() const {
    Begun ramps;
    for (const auto& [target, began] : begun_)
        if (began) ramps.emplace_hint(ramps.end(), target, *began);
    return ramps;
}

void Ramps::look(const model::Config& config, const model::Plan& plan, SteadyTime now) {
    auto former_frontends = std::exchange(frontends_, {});
    auto former = std::exchange(begun_, {});
    for (const auto& frontend : plan.frontends) {
        auto slow_start = config.services.at(frontend.service).slow_start;
        if (slow_start == std::chrono::seconds::zero()) continue;
        auto known = former_frontends.find(frontend.key);
        auto since = known == former_frontends.end() ? now : known->second;
        bool is_new = since && now - *since < slow_start;
        frontends_.emplace(frontend.key, since);
        for (const auto& target : frontend.targets) {
            if (!target.health.up || !model::takes_new(target.backend)) continue;
            model::TargetKey key{frontend.key, target.backend.address};
            auto before = former.find(key);
            auto began = before != former.end() ? before->second : is_new ? std::nullopt : std::optional(now);
            if (began && now - *began >= slow_start) began.reset();
            begun_.emplace(key, began);
        }
    }
}

std::optional<uint32_t> Ramps::fraction(const model::TargetKey& target, std::chrono::seconds slow_start,
                                        SteadyTime now) const {
    auto found = begun_.find(target);
    if (found == begun_.end() || !found->second || now - *found->second >= slow_start) return std::nullopt;
    return ramp_fraction(now - *found->second, slow_start);
}

}  // namespace weir::control
