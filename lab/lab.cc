#include "lab/lab.h"

#include <linux/if_link.h>
#include <net/if.h>
#include <netlink/msg.h>
#include <netlink/route/link/veth.h>
#include <unistd.h>

#include "lab/temp_dir.h"

namespace weir::lab {
namespace {

constexpr const char* kBridge = "bridge";

/// By hand, because libnl 3.7 knows no bridge settings. Without spanning tree a port forwards at once.
void add_bridge(Host& host, const std::string& ifname) {
    NlMessage message(nlmsg_alloc_simple(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL));
    ifinfomsg header{};
    header.ifi_flags = header.ifi_change = IFF_UP;
    nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO);
    nla_put_string(message.get(), IFLA_IFNAME, ifname.c_str());
    nlattr* info = nla_nest_start(message.get(), IFLA_LINKINFO);
    nla_put_string(message.get(), IFLA_INFO_KIND, "bridge");
    nlattr* data = nla_nest_start(message.get(), IFLA_INFO_DATA);
    nla_put_u32(message.get(), IFLA_BR_STP_STATE, 0);
    nla_put_u8(message.get(), IFLA_BR_MCAST_SNOOPING, 0);
    nla_nest_end(message.get(), data);
    nla_nest_end(message.get(), info);
    check_nl(nl_send_sync(host.rtnl(), message.release()), "{}: cannot add bridge {}", host.name(), ifname);
}

void put_on_bridge(Host& host, const std::string& port, const std::string& bridge) {
    const int master = static_cast<int>(host.index(bridge));
    check_nl(rtnl_link_enslave_ifindex(host.rtnl(), master, static_cast<int>(host.index(port))),
             "{}: cannot put {} on {}", host.name(), port, bridge);
}

}  // namespace

Lab::Lab(std::string name) : name_(std::move(name)) {
    NamedNetns::clear_leftovers(name_);
    TempDir::clear_leftovers();
}

Host& Lab::host(const std::string& name) {
    std::unique_ptr<Host>& host = hosts_[name];
    if (!host) {
        const auto number = static_cast<uint8_t>(hosts_.size());
        host = std::make_unique<Host>(NamedNetns::name_of(name_, name), name, number);
    }
    return *host;
}

void Lab::connect(Host& a, const std::string& a_ifname, Host& b, const std::string& b_ifname) {
    RtLink link(rtnl_link_veth_alloc());
    RtLink peer(rtnl_link_veth_get_peer(link.get()));
    rtnl_link_set_name(link.get(), a_ifname.c_str());
    rtnl_link_set_addr(link.get(), mac_address(a.next_mac()).get());
    rtnl_link_set_name(peer.get(), b_ifname.c_str());
    rtnl_link_set_addr(peer.get(), mac_address(b.next_mac()).get());
    rtnl_link_set_ns_fd(peer.get(), b.netns());
    check_nl(rtnl_link_add(a.rtnl(), link.get(), NLM_F_CREATE | NLM_F_EXCL),
             "cannot connect {} of {} to {} of {}", a_ifname, a.name(), b_ifname, b.name());
    a.set_up(a_ifname);
    b.set_up(b_ifname);
    a.await_carrier(a_ifname);
    b.await_carrier(b_ifname);
}

Host& Lab::lan(const std::string& switch_name, const std::vector<Host*>& hosts, const std::string& ifname,
               LanOptions options) {
    Host& middle = host(switch_name);
    for (const char* scope : {"all", "default"})
        middle.sysctl(fmt::format("net.ipv6.conf.{}.disable_ipv6", scope), "1");
    add_bridge(middle, kBridge);
    for (Host* each : hosts) plug(middle, *each, ifname, options);
    return middle;
}

void Lab::plug(Host& switch_host, Host& host, const std::string& ifname, LanOptions options) {
    const std::string port = host.name().substr(0, IFNAMSIZ - 1);
    connect(switch_host, port, host, ifname);
    put_on_bridge(switch_host, port, kBridge);
    switch_host.offload_vlan_tags(port, false);
    if (options.whole_checksums) switch_host.offload_checksums(port, false);
    if (options.xdp_pass) passes_.emplace_back(switch_host, port);
}

std::string why_no_lab() {
    return geteuid() == 0 ? "" : "network namespaces need root";
}

}  // namespace weir::lab
