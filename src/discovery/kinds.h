// Every kind of source, each defined in the file of its name.
#pragma once

#include "discovery/source.h"

namespace weir::discovery {

Kind file_kind();
Kind zeroconf_kind();

}  // namespace weir::discovery
