// The directory that pins live in.
#pragma once

#include <string>

#include "base/result.h"

namespace weir::engine::xdp {

/// Makes `directory`, and mounts a BPF file system at /sys/fs/bpf first where that has none and the directory
/// is below it. Fails where the directory is on another kind of file system.
Status prepare_pins(const std::string& directory);

}  // namespace weir::engine::xdp
