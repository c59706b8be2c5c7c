// Slow start: a target that begins to take new flows gets more and more of them, so that it can fill its
// caches. Pure: what it says follows from the configuration, the plans that it has seen, and the time.
#pragma once

#include <chrono>
#include <map>
#include <optional>

#include "model/plan.h"

namespace weir::control {

using SteadyTime = std::chrono::steady_clock::time_point;

constexpr unsigned kRampSteps = 10;

/// The part of its weight that counts so long after it began, of kWhole: a tenth at first, another tenth
/// with each ninth of `slow_start`.
uint32_t ramp_fraction(std::chrono::nanoseconds elapsed, std::chrono::seconds slow_start);

class Ramps {
  public:
    /// Since when the targets ramp that do.
    using Begun = std::map<model::TargetKey, SteadyTime>;

    /// At a daemon's start: the datapath goes on with these targets and their frontends. Of those that are up
    /// ramps go on as they have `begun`; the others have their whole weight already.
    void resume(const model::HealthMap& recovered, const Begun& begun);
    Begun under_way() const;

    /// Whom the plan lets have new flows from now on. Targets that begin together with their frontend, or
    /// within `slow_start` of it, do not ramp: there is nobody who could spare them, or everybody is new.
    void look(const model::Config& config, const model::Plan& plan, SteadyTime now);

    /// Of those that ramp.
    std::optional<uint32_t> fraction(const model::TargetKey& target, std::chrono::seconds slow_start,
                                     SteadyTime now) const;

  private:
    std::map<model::FrontendKey, std::optional<SteadyTime>>
        frontends_;  // first seen; none: before this daemon
    std::map<model::TargetKey, std::optional<SteadyTime>>
        begun_;  // who may have new flows; when its ramp began, until it is over
};

}  // namespace weir::control
