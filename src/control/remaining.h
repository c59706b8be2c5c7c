// What is withdrawn before the datapath follows, and even where it does not: a VIP that nobody answers for is
// not to wait for the kernel. Pure.
#pragma once

#include <functional>
#include <optional>

#include "model/plan.h"

namespace weir::control {

/// The plan in force without the frontends that have nobody to answer in the one that is wanted, or are not
/// in it; nothing where it loses none.
std::optional<model::Plan> remaining(const model::Plan& in_force, const model::Plan& wanted);

/// The plan that is in force after an engine could do no more than its parts for some kinds of engines: the
/// wanted frontends of these, and the former's of the others. `former` is null before a first plan.
model::Plan partly(const model::Plan* former, const model::Plan& wanted,
                   const std::function<bool(model::EngineKind)>& is_in_force);

}  // namespace weir::control
