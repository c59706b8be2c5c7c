// The way of a health probe: it reaches the VIP *on* one backend as a client's packet does, in a tunnel, with
// a mark or plainly. See doc/adr/0002-probe-path.md.
//
// The probe's socket connects to the backend's own address, so the kernel finds route and neighbour by
// itself. A tc program on the interface puts the VIP in the place of that address in what leaves, in front of
// it what the datapath would put there, and takes the VIP back out of what comes, for exactly this
// connection, this exchange of datagrams or these echoes. The VIP is neither routed nor local here, and
// nothing of the host's is changed.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "engine/xdp/abi.h"
#include "net/ip.h"
#include "net/passage.h"

struct detour_bpf;

namespace weir::engine::xdp {

/// Where a probe goes.
struct Way {
    net::Carrier carrier = net::Carrier::tcp;
    net::Ip backend;
    net::Ip vip;
    net::Port port{1};  // counts for nothing with echoes
    int ifindex = 0;    // towards the backend; attached
    int device = 0;     // that the route names: `ifindex`, or a VLAN device on it
    /// The balancer's address of the VIP's family that the backend sees. Where both are of one family it may
    /// be left out, and the route decides; otherwise the interface must have one.
    std::optional<net::Ip> source;
    weir_target target{.room = 1500};  // as the datapath has it; by default direct server return
};

class Detour {
  public:
    /// Loads the programs. Needs CAP_BPF and CAP_NET_ADMIN.
    static Result<std::unique_ptr<Detour>> load();

    /// Detaches from every interface. Passages may outlive it, but lead nowhere then.
    ~Detour();

    /// Puts the filters on an interface, in the place of those that a dead daemon left. Other filters stay as
    /// they are. May be repeated: puts back what somebody took away.
    Status attach(int ifindex, const std::string& name);

    /// Takes back the filters, and the clsact qdisc if it is weir's and nobody else has a filter on it.
    void detach(int ifindex);

    /// Takes away the filters that a dead daemon left on an interface.
    Status remove(int ifindex, const std::string& name);

    /// A socket whose connection to `connect_to` goes to the VIP on the backend, until the passage goes.
    /// Fails rather than lead to the backend's own address: also when the filters are no longer there.
    Result<net::Passage> open(const Way& way);

  private:
    explicit Detour(std::shared_ptr<detour_bpf> bpf) : bpf_(std::move(bpf)) {}
    bool is_open_on(int ifindex) const;

    std::shared_ptr<detour_bpf> bpf_;  // shared with the passages, which take back their rows
    std::map<int, bool> attached_;     // interface: whether its clsact is weir's
};

}  // namespace weir::engine::xdp
