// One host of a lab: a network namespace with its interfaces, addresses, routes and settings, changed over
// rtnetlink. IPv6 addresses are usable at once (no duplicate address detection), `lo` is up, nothing
// forwards. Every function may be called from any thread, one at a time. Addresses are text: `10.1.10.1/24`,
// `2001:db8::1/64`.
#pragma once

#include <string>
#include <utility>

#include "lab/netns.h"
#include "lab/rtnl.h"
#include "net/ip.h"

namespace weir::lab {

class Host {
  public:
    /// `number` is in the host's MAC addresses; lab/lab.h makes hosts.
    Host(std::string netns_name, std::string name, uint8_t number);

    const std::string& name() const { return name_; }
    /// For `ip netns exec`.
    const std::string& netns_name() const { return netns_.name(); }
    int netns() const { return netns_.fd(); }
    nl_sock* rtnl() { return rtnl_.get(); }

    /// Calls `work` with this thread in the host's network namespace; what it opens stays there.
    template <class Work>
    decltype(auto) run(Work&& work) const {
        InNetns inside(netns_.fd());
        return std::forward<Work>(work)();
    }

    void set_up(const std::string& ifname, bool up = true);
    /// Until the interface carries traffic: the kernel gets a cable ready behind the back of the call that
    /// plugs it in.
    void await_carrier(const std::string& ifname);
    void add_address(const std::string& ifname, const std::string& address);
    void remove_address(const std::string& ifname, const std::string& address);
    /// `destination` is a prefix or "default".
    void add_route(const std::string& destination, const std::string& via);
    /// `net.ipv4.ip_forward`; dots inside an interface's name cannot be written.
    void sysctl(const std::string& key, const std::string& value);
    net::Mac mac(const std::string& ifname);
    void set_mac(const std::string& ifname, const net::Mac& mac);
    /// The largest packet that the interface sends. A veth also drops what comes to it larger than its own.
    unsigned mtu(const std::string& ifname);
    void set_mtu(const std::string& ifname, unsigned bytes);
    /// Makes a router of the host, for both families.
    void forward_packets();
    /// Off: what local sockets send has whole checksums. Needed where a frame is forwarded by native XDP,
    /// because the note "checksum still to be computed" is lost there.
    void offload_checksums(const std::string& ifname, bool on);
    /// Off: the tag of a packet that leaves is in the frame's bytes, where native XDP at the other end of a
    /// veth sees it; else it travels beside the frame.
    void offload_vlan_tags(const std::string& ifname, bool on);
    unsigned index(const std::string& ifname);
    /// 02:00:00:00:NUMBER:INTERFACE, counting interfaces from 1.
    net::Mac next_mac();

  private:
    void change_link(const std::string& ifname, rtnl_link* changes);
    void ethtool(const std::string& ifname, void* command);
    /// An IPv6 address is heard on the wire only when the kernel has joined its multicast group, a moment
    /// after the call.
    void await_address(rtnl_addr* wanted);
    RtAddress make_address(const std::string& ifname, const std::string& address);

    std::string name_;
    uint8_t number_;
    uint8_t interfaces_ = 0;
    NamedNetns netns_;
    NlSocket rtnl_;
};

}  // namespace weir::lab
