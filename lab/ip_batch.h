// For what lab/host.h has no function: `ip -batch` on a host.
#pragma once

#include <string>

#include "lab/host.h"

namespace weir::lab {

/// Commands of `ip`, a line each, without the word itself. Throws at the first that fails.
void ip_batch(Host& host, const std::string& commands);

}  // namespace weir::lab
