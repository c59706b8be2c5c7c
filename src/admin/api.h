// The admin API's routes (doc/api.md): what each takes from the controller and makes of it.
#pragma once

#include "admin/http.h"

namespace weir::control {
class Controller;
}

namespace weir::admin {

/// Answers every request, the wrong ones too. The controller outlives the handler.
Handler api(control::Controller& controller);

}  // namespace weir::admin
