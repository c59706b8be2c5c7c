// /api/v1/overrides: what the operator changes of backends by hand.
#pragma once

#include "admin/http.h"

namespace weir::control {
class Controller;
}

namespace weir::admin {

Rendering get_overrides(control::Controller& controller, const Request& request);
/// Body: {"backend", "service", "state", "weight", "deadline_seconds"}; all but the first may be left out,
/// but not both state and weight.
Rendering post_overrides(control::Controller& controller, const Request& request);
/// Query: `backend`, and `service` where it is of one.
Rendering delete_overrides(control::Controller& controller, const Request& request);

}  // namespace weir::admin
