// The admin API's routes (doc/api.md): what each takes from the controller and makes of it.
#pragma once

#include "admin/http.h"

namespace weir::control {
class Controller;
}

namespace weir::admin {

class Captures;
struct Tally;

/// What the routes work on.
struct Parts {
    control::Controller& controller;
    Captures& captures;
    const Tally& tally;
};

/// Answers every request, the wrong ones too. The parts outlive the handler.
Handler api(const Parts& parts);

}  // namespace weir::admin
