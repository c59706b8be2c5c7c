#include "lab/host.h"

#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>

#include "lab/wait.h"

namespace weir::lab {

Host::Host(std::string netns_name, std::string name, uint8_t number)
    : name_(std::move(name)), number_(number), netns_(std::move(netns_name)), rtnl_(run(open_rtnl)) {
    // A new namespace takes over the machine's own IPv4 settings, whatever these are.
    for (const char* scope : {"all", "default"}) {
        for (const char* off : {"rp_filter", "arp_ignore", "arp_announce", "forwarding", "accept_redirects"})
            sysctl(fmt::format("net.ipv4.conf.{}.{}", scope, off), "0");
        for (const char* off :
             {"disable_ipv6", "accept_dad", "dad_transmits", "accept_ra", "router_solicitations"})
            sysctl(fmt::format("net.ipv6.conf.{}.{}", scope, off), "0");
    }
    set_up("lo");
}

void Host::change_link(const std::string& ifname, rtnl_link* changes) {
    RtLink link = get_link(rtnl_.get(), ifname);
    check_nl(rtnl_link_change(rtnl_.get(), link.get(), changes, 0), "{}: cannot change {}", name_, ifname);
}

void Host::set_up(const std::string& ifname, bool up) {
    RtLink changes(rtnl_link_alloc());
    if (up)
        rtnl_link_set_flags(changes.get(), IFF_UP);
    else
        rtnl_link_unset_flags(changes.get(), IFF_UP);
    change_link(ifname, changes.get());
}

void Host::await_carrier(const std::string& ifname) {
    const auto ready = [&] {
        return rtnl_link_get_operstate(get_link(rtnl_.get(), ifname).get()) == IF_OPER_UP;
    };
    if (!wait_until(ready, 5s)) give_up("{}: {} has no carrier", name_, ifname);
}

RtAddress Host::make_address(const std::string& ifname, const std::string& address) {
    RtAddress made(rtnl_addr_alloc());
    NlAddress local = parse_address(address);
    rtnl_addr_set_ifindex(made.get(), static_cast<int>(index(ifname)));
    check_nl(rtnl_addr_set_local(made.get(), local.get()), "{}: bad address {}", name_, address);
    return made;
}

void Host::add_address(const std::string& ifname, const std::string& address) {
    RtAddress made = make_address(ifname, address);
    check_nl(rtnl_addr_add(rtnl_.get(), made.get(), 0), "{}: cannot add {} to {}", name_, address, ifname);
    if (rtnl_addr_get_family(made.get()) == AF_INET6) await_address(made.get());
}

void Host::await_address(rtnl_addr* wanted) {
    const auto settled = [&] {
        nl_cache* all = nullptr;
        check_nl(rtnl_addr_alloc_cache(rtnl_.get(), &all), "{}: cannot list addresses", name_);
        NlCache addresses(all);
        RtAddress found(rtnl_addr_get(all, rtnl_addr_get_ifindex(wanted), rtnl_addr_get_local(wanted)));
        return found && !(rtnl_addr_get_flags(found.get()) & IFA_F_TENTATIVE);
    };
    if (!wait_until(settled, 5s)) give_up("{}: an IPv6 address stays tentative", name_);
}

void Host::remove_address(const std::string& ifname, const std::string& address) {
    RtAddress made = make_address(ifname, address);
    check_nl(rtnl_addr_delete(rtnl_.get(), made.get(), 0), "{}: cannot remove {} from {}", name_, address,
             ifname);
}

void Host::add_route(const std::string& destination, const std::string& via) {
    NlAddress gateway = parse_address(via);
    const int family = nl_addr_get_family(gateway.get());
    const bool everything = destination == "default";
    NlAddress target = parse_address(everything ? family == AF_INET ? "0.0.0.0/0" : "::/0" : destination);

    RtRoute route(rtnl_route_alloc());
    rtnl_route_set_family(route.get(), static_cast<uint8_t>(family));
    rtnl_route_set_scope(route.get(), RT_SCOPE_UNIVERSE);
    check_nl(rtnl_route_set_dst(route.get(), target.get()), "{}: bad destination {}", name_, destination);
    rtnl_nexthop* hop = rtnl_route_nh_alloc();  // the route frees it
    rtnl_route_nh_set_gateway(hop, gateway.get());
    rtnl_route_add_nexthop(route.get(), hop);
    check_nl(rtnl_route_add(rtnl_.get(), route.get(), 0), "{}: cannot add a route to {} via {}", name_,
             destination, via);
}

void Host::sysctl(const std::string& key, const std::string& value) {
    std::string path = "/proc/sys/" + key;
    std::ranges::replace(path, '.', '/');
    run([&] {
        UniqueFd file(check(::open(path.c_str(), O_WRONLY | O_CLOEXEC), "{}: no setting {}", name_, key));
        check(::write(file.get(), value.data(), value.size()), "{}: cannot set {} to {}", name_, key, value);
    });
}

net::Mac Host::mac(const std::string& ifname) {
    RtLink link = get_link(rtnl_.get(), ifname);
    nl_addr* address = rtnl_link_get_addr(link.get());
    net::Mac mac;
    if (!address || nl_addr_get_len(address) != mac.bytes.size()) give_up("{}: {} has no MAC", name_, ifname);
    std::memcpy(mac.bytes.data(), nl_addr_get_binary_addr(address), mac.bytes.size());
    return mac;
}

void Host::set_mac(const std::string& ifname, const net::Mac& mac) {
    RtLink changes(rtnl_link_alloc());
    rtnl_link_set_addr(changes.get(), mac_address(mac).get());
    change_link(ifname, changes.get());
}

unsigned Host::mtu(const std::string& ifname) {
    return rtnl_link_get_mtu(get_link(rtnl_.get(), ifname).get());
}

void Host::set_mtu(const std::string& ifname, unsigned bytes) {
    RtLink changes(rtnl_link_alloc());
    rtnl_link_set_mtu(changes.get(), bytes);
    change_link(ifname, changes.get());
}

void Host::forward_packets() {
    sysctl("net.ipv4.ip_forward", "1");
    sysctl("net.ipv6.conf.all.forwarding", "1");
}

void Host::ethtool(const std::string& ifname, void* command) {
    run([&] {
        UniqueFd socket(check(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "cannot open a socket"));
        ifreq request{};
        ifname.copy(request.ifr_name, IFNAMSIZ - 1);
        request.ifr_data = static_cast<char*>(command);
        check(::ioctl(socket.get(), SIOCETHTOOL, &request), "{}: cannot read or set the offloads of {}",
              name_, ifname);
    });
}

void Host::offload_checksums(const std::string& ifname, bool on) {
    for (uint32_t command : {ETHTOOL_STXCSUM, ETHTOOL_SRXCSUM}) {
        ethtool_value value{command, on};
        ethtool(ifname, &value);
    }
}

void Host::offload_vlan_tags(const std::string& ifname, bool on) {
    ethtool_value flags{ETHTOOL_GFLAGS, 0};
    ethtool(ifname, &flags);
    flags.cmd = ETHTOOL_SFLAGS;
    flags.data = on ? flags.data | ETH_FLAG_TXVLAN : flags.data & ~uint32_t{ETH_FLAG_TXVLAN};
    ethtool(ifname, &flags);
}

unsigned Host::index(const std::string& ifname) {
    return static_cast<unsigned>(rtnl_link_get_ifindex(get_link(rtnl_.get(), ifname).get()));
}

net::Mac Host::next_mac() {
    return net::Mac{{0x02, 0, 0, 0, number_, ++interfaces_}};
}

}  // namespace weir::lab
