// Every kind of source, each defined in the file of its name.
#pragma once

#include "discovery/source.h"

namespace weir::discovery {

Kind consul_kind();
Kind dns_kind();
Kind etcd_kind();
Kind exec_kind();
Kind file_kind();
Kind ganglia_kind();
Kind http_kind();
Kind redis_kind();
Kind zeroconf_kind();
Kind zookeeper_kind();

}  // namespace weir::discovery
