// Every kind of source, each defined in the file of its name.
#pragma once

#include "discovery/source.h"

namespace weir::discovery {

Kind dns_kind();
Kind file_kind();
Kind ganglia_kind();

}  // namespace weir::discovery
