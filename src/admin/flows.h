// /api/v1/flows: what the flow table is full of, and who has the flows.
#pragma once

#include "admin/http.h"

namespace weir::control {
class Controller;
}

namespace weir::admin {

inline constexpr uint64_t kMostHolders = 100'000;

Rendering get_flows(control::Controller& controller, const Request& request);

}  // namespace weir::admin
