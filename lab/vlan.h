// VLANs for hosts of the lab whose kernel has no VLAN devices: the host's one interface becomes an end of a
// trunk, or a port in one VLAN. Switches of the lab carry tags as they come. On a veth the tags are in the
// frames' bytes, as on a wire, so that native XDP sees them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "lab/host.h"
#include "lab/tc_filter.h"
#include "net/ip.h"

struct vlan_bpf;

namespace weir::lab {

struct VlanOptions {
    /// Which prefixes are behind which VLAN; the longest that has a packet's destination gives its tag. What
    /// goes to a router has the destination's prefix, often 0.0.0.0/0.
    std::map<uint16_t, std::vector<net::Prefix>> vlans;
    bool untagged = false;  // what is in none of them passes without a tag, both ways; else it is dropped

    /// Everything in one VLAN.
    static VlanOptions access(uint16_t id);
};

namespace detail {
struct VlanDestroy {
    void operator()(vlan_bpf* bpf) const;
};
using VlanBpf = std::unique_ptr<vlan_bpf, VlanDestroy>;
}  // namespace detail

class Vlan {
  public:
    Vlan(Host& host, const std::string& ifname, const VlanOptions& options);

    /// Packets that left or came with this tag.
    uint64_t sent(uint16_t id) const;
    uint64_t received(uint16_t id) const;
    /// In another VLAN, or in none.
    uint64_t dropped() const;

  private:
    detail::VlanBpf bpf_;
    std::optional<TcFilter> out_;
    std::optional<TcFilter> in_;
};

/// Native XDP that counts the tags which it finds in frames; for an interface without other XDP.
class TagWatch {
  public:
    TagWatch(Host& host, const std::string& ifname);
    uint64_t seen(uint16_t id) const;

  private:
    detail::VlanBpf bpf_;
    UniqueFd link_;
};

}  // namespace weir::lab
