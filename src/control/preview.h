// What a configuration would become, without doing anything. Pure.
#pragma once

#include "model/plan.h"

namespace weir::control {

/// Targets without known health are taken to be up, so that the plan is worth reading.
model::Plan preview(const model::Config& config, model::HealthMap known,
                    const model::Allowances& allowances = {}, const model::Overrides& overrides = {});

}  // namespace weir::control
