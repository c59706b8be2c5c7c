// A klb.conf as weir.yaml(5): the kernel's IPVS, by NAT, with Zeroconf pools of IPv4 workers.
#pragma once

#include <string>
#include <vector>

#include "config/klb/read.h"

namespace weir::config::klb {

struct Yaml {
    std::string text;
    std::vector<Remark> warnings;  // of what weir does in another way; comments in the text say the same
};

/// `from`: what people call the file that was read.
Yaml to_yaml(const std::vector<Service>& services, std::string_view from);

}  // namespace weir::config::klb
