// What a configuration would become, without doing anything. Pure.
#pragma once

#include <expected>
#include <string_view>
#include <vector>

#include "config/load.h"
#include "model/plan.h"

namespace weir::control {

/// The plan of this YAML; targets without known health are taken to be up, so that the plan is worth reading.
std::expected<model::Plan, std::vector<config::Mistake>> preview(std::string_view yaml,
                                                                 const model::HealthMap& known,
                                                                 const model::Allowances& allowances = {},
                                                                 const model::Overrides& overrides = {});
model::Plan preview(const model::Config& config, model::HealthMap known,
                    const model::Allowances& allowances = {}, const model::Overrides& overrides = {});

}  // namespace weir::control
