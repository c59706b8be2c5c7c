// The BFD sessions that a daemon leaves to the next one, as the text of a file. Pure.
#pragma once

#include <string>
#include <string_view>

#include "announce/bfd/transport.h"
#include "base/result.h"

namespace weir::announce::bfd {

using SystemTime = std::chrono::system_clock::time_point;

/// JSON with a version, for weir alone. `until`: peers wait no longer.
std::string parked_text(const ParkedSessions& sessions, SystemTime until);
/// All of it or nothing; none where it is too late.
Result<ParkedSessions> read_parked(std::string_view text, SystemTime now);

}  // namespace weir::announce::bfd
