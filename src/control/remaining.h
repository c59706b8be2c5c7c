// What is withdrawn before the datapath follows, and even where it does not: a VIP that nobody answers for is
// not to wait for the kernel. Pure.
#pragma once

#include <optional>

#include "model/plan.h"

namespace weir::control {

/// The plan in force without the frontends that have nobody to answer in the one that is wanted, or are not
/// in it; nothing where it loses none.
std::optional<model::Plan> remaining(const model::Plan& in_force, const model::Plan& wanted);

}  // namespace weir::control
