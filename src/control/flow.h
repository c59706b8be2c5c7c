// A flow as the operator writes it.
#pragma once

#include <string_view>

#include "engine/engine.h"

namespace weir::control {

/// `198.51.100.7:40000`, `[2001:db8::1]:80`, "sctp". "" is tcp. Of a protocol without ports (icmp, gre, …)
/// the addresses stand alone, without brackets, and the ports are 0.
Result<engine::Flow> read_flow(std::string_view source, std::string_view vip, std::string_view protocol);

}  // namespace weir::control
