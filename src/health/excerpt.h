// What a server said, as it may stand in a message.
#pragma once

#include <string>
#include <string_view>

namespace weir::health {

/// One printable line: other bytes escaped, at most 60 characters and "…".
std::string excerpt(std::string_view text);

}  // namespace weir::health
