// Every kind of source, each defined in the file of its name: `Kind consul_kind();` and so on.
#pragma once

#include "discovery/source.h"

namespace weir::discovery {

#define SOURCE(name) Kind name##_kind();
#include "discovery/kinds.def"
#undef SOURCE

}  // namespace weir::discovery
