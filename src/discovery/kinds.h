// Every kind of source, each defined in the file of its name.
#pragma once

#include "discovery/source.h"

namespace weir::discovery {

Kind consul_kind();
Kind etcd_kind();
Kind exec_kind();
Kind file_kind();
Kind http_kind();

}  // namespace weir::discovery
