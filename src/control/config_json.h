// The configuration as the API shows it: everything but secrets. A key, a token, a password or what may have
// one in it (a header's value, what a check sends, a program's arguments, the path of a webhook) is "set", or
// null where there is none.
#pragma once

#include <boost/json/fwd.hpp>

#include "model/config.h"

namespace weir::control {

boost::json::object config_json(const model::Config& config);

}  // namespace weir::control
