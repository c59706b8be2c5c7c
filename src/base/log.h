// The daemon's log: one line an event on standard error, which systemd hands to the journal.
#pragma once

#include <spdlog/spdlog.h>

namespace weir {

/// Sets the line format and the level ("debug", "info", "warn", "error"). Call once, from main.
void set_up_log(const std::string& level);

}  // namespace weir
