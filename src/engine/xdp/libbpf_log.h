// What libbpf has to say goes to the log, at level debug.
#pragma once

namespace weir::engine::xdp {

void log_libbpf();

}  // namespace weir::engine::xdp
