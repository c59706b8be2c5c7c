// A lab: hosts that are network namespaces, wired together by veth pairs and switches. Needs root.
//
// The namespaces are named weir.LAB.PID.HOST below /run/netns, so `ip netns exec` reaches them. They are
// removed with the lab; a new lab first removes what dead processes left. Processes (lab/process.h) must be
// destroyed before their lab.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lab/host.h"
#include "lab/xdp_pass.h"

namespace weir::lab {

struct LanOptions {
    bool xdp_pass =
        false;  // XDP on the switch's ports, so that frames which a host sends by native XDP_TX arrive
    bool whole_checksums = false;  // what leaves the switch has them, whatever its senders' offloads
};

class Lab {
  public:
    /// No dots in the name.
    explicit Lab(std::string name);

    /// The host of this name; made when first asked for.
    Host& host(const std::string& name);

    /// A veth pair, both ends up.
    void connect(Host& a, const std::string& a_ifname, Host& b, const std::string& b_ifname);

    /// A switch with one cable to interface `ifname` of each host. It learns and floods, nothing else: no
    /// spanning tree, no multicast snooping, no addresses; VLAN tags stay as they are, in the frames' bytes.
    /// Its ports are named as the hosts (the first 15 letters).
    Host& lan(const std::string& switch_name, const std::vector<Host*>& hosts, const std::string& ifname,
              LanOptions options = {});
    /// One more cable, from the switch to this interface of the host: a host with several has one in each
    /// LAN.
    void plug(Host& switch_host, Host& host, const std::string& ifname, LanOptions options = {});

  private:
    std::string name_;
    std::map<std::string, std::unique_ptr<Host>> hosts_;
    std::vector<XdpPass> passes_;
};

/// Empty when labs can be built here, else why not; for GTEST_SKIP.
std::string why_no_lab();

}  // namespace weir::lab
