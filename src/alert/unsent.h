// What alerts have still to tell when a daemon ends, in a file for the next one. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "control/herald.h"

namespace weir::alert {

/// By the name of the alert, each the oldest first.
using Unsent = std::map<std::string, std::vector<control::Event>>;

/// JSON with a version, for weir alone.
std::string unsent_text(const Unsent& unsent);
/// All of it or nothing, but without what is too old by now to be told.
Result<Unsent> read_unsent(std::string_view text, control::SystemTime now);

}  // namespace weir::alert
