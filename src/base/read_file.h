// Reading files that somebody else has written.
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace weir {

/// From where it stands to its end, but no more than `most` bytes; who asks for one more than he takes sees
/// that it is too large. Fails with the system's text alone.
Result<std::string> read_up_to(size_t most, const UniqueFd& file);

}  // namespace weir
