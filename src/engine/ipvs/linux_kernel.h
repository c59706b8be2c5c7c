// The real kernel: IPVS over generic netlink, addresses over rtnetlink, sysctls and the list of connections
// below /proc. The network namespace is that of the thread that opens it. Needs CAP_NET_ADMIN.
#pragma once

#include <memory>

#include "engine/ipvs/kernel.h"

namespace weir::engine::ipvs {

/// That the kernel has no IPVS is found out by read(), each time anew: somebody may load the module.
Result<std::unique_ptr<Kernel>> open_linux_kernel();

}  // namespace weir::engine::ipvs
