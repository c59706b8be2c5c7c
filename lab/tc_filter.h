// One BPF program at tc ingress or egress of an interface, beside other people's; gone with this object.
// Makes the clsact qdisc where there is none, and leaves it.
#pragma once

#include <bpf/libbpf.h>

#include <string>

#include "lab/host.h"

namespace weir::lab {

struct TcPlace {
    bpf_tc_attach_point point;
    uint32_t priority;  // the smaller, the earlier; weir's own filters have 3
};

class TcFilter {
  public:
    /// The host outlives the filter. The program's descriptor is borrowed for the call.
    TcFilter(Host& host, const std::string& ifname, TcPlace place, int program);
    ~TcFilter();
    TcFilter(const TcFilter&) = delete;
    TcFilter& operator=(const TcFilter&) = delete;

  private:
    Host& host_;
    bpf_tc_hook hook_;
    bpf_tc_opts filter_;
};

}  // namespace weir::lab
