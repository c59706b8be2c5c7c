// What is known of every target, from all that looks at it, as one map for the planner. Pure functions.
#pragma once

#include <map>
#include <string>

#include "health/checker.h"
#include "model/plan.h"

namespace weir::control {

/// The checks that a configuration asks for; targets without checks are left out. Programs get to know the
/// port at which the backend itself serves.
health::Checker::Work work_of(const model::Config& config);

/// Checks decide, but a target that the engine cannot reach is down whatever they say. Targets of which
/// nobody knows anything are left to the planner.
model::HealthMap merge(std::map<model::TargetKey, health::Checked> checked,
                       const std::map<model::TargetKey, std::string>& unreachable);

}  // namespace weir::control
