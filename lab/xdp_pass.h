// XDP_PASS on one interface, natively. A veth hands over what its peer sends by native XDP_TX only while it
// has an XDP program, too; so the far end of a balancer's veth needs one. Gone with this object.
#pragma once

#include <string>

#include "base/unique_fd.h"
#include "lab/host.h"

namespace weir::lab {

class XdpPass {
  public:
    XdpPass(Host& host, const std::string& ifname);

  private:
    UniqueFd link_;
};

}  // namespace weir::lab
