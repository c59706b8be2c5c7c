// The kinds of sources that there are: the only place that names them.
#pragma once

#include <span>

#include "config/load.h"
#include "discovery/source.h"

namespace weir::app {

/// In alphabetical order.
std::span<const discovery::Kind> source_kinds();

/// What the configuration may say of them.
config::SourceKinds known_sources();

}  // namespace weir::app
