// What the engine leaves in the kernel: where it is pinned, and how all of it goes away.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace weir::engine::xdp {

// `pins` is the engine's directory on a BPF file system.
std::string maps_directory(const std::string& pins);
std::string links_directory(const std::string& pins);

/// The pin of an interface's link, and back. A BPF file system takes no names with a dot, an interface none
/// with a colon.
std::string link_pin(const std::string& pins, std::string interface);
std::string interface_of(const std::filesystem::path& pin);

/// Removes what a daemon has left in the kernel: the programs on the interfaces named under `pins`, the pins,
/// the probes' filters.
Status clean_up(const std::string& pins);

}  // namespace weir::engine::xdp
