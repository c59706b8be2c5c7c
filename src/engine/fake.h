// An engine in memory, for tests of what stands above engines.
#pragma once

#include <algorithm>
#include <set>
#include <utility>

#include "engine/engine.h"

namespace weir::engine {

class Fake final : public Engine {
  public:
    Status apply(const model::Plan& plan) override {
        if (refuse_next) return std::unexpected(*std::exchange(refuse_next, std::nullopt));
        applied.push_back(plan);
        return broken.empty() ? Status() : attach(plan);
    }
    bool is_in_force(model::EngineKind kind) const override { return unharmed.contains(kind); }
    const std::map<model::TargetKey, std::string>& unreachable() const override { return cannot_reach; }
    Observation observe() override { return observation; }
    Observation observe(const std::vector<model::TargetKey>& targets) override {
        auto some = observation;
        std::erase_if(some.targets,
                      [&](const auto& entry) { return !std::ranges::count(targets, entry.first); });
        return some;
    }
    Result<Verdict> trace(const Flow& flow) override {
        if (applied.empty()) return fail("no plan is applied");
        auto found = std::ranges::find(applied.back().frontends, flow.frontend, &model::Frontend::key);
        if (found == applied.back().frontends.end()) return Verdict{"drop", {}, "no_service"};
        for (const auto& target : found->targets)
            if (target.accepts == model::Accepts::all)
                return Verdict{"forward", target.backend.address, "scheduler"};
        return Verdict{"drop", {}, "no_backend"};
    }
    net::Opened open_passage(const model::TargetKey&, net::Carrier, net::Port) override {
        return fail("the fake engine has no way to a backend");
    }

    std::vector<model::Plan> applied;
    std::map<model::TargetKey, std::string> cannot_reach;
    Observation observation;
    std::optional<Error> refuse_next;
    std::set<model::EngineKind> unharmed;       // whose parts are in force although it refuses the plan
    std::map<std::string, std::string> broken;  // interfaces that cannot be attached, and why

  private:
    Status attach(const model::Plan& plan) {
        observation.interfaces.clear();
        for (const auto& [name, mode] : plan.interfaces) {
            auto why = broken.find(name);
            observation.interfaces.push_back(why == broken.end() ? InterfaceState{name, "native", ""}
                                                                 : InterfaceState{name, "", why->second});
        }
        bool some = std::ranges::any_of(observation.interfaces, &std::string::empty, &InterfaceState::error);
        return some ? Status() : fail("{}", broken.begin()->second);
    }
};

}  // namespace weir::engine
