// What weir reads from rtnetlink, as values, and the few questions that it asks. The decoders are pure: a
// message of another kind, or one that makes no sense, is nothing.
#pragma once

#include <linux/netlink.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/ip.h"
#include "net/netlink.h"

namespace weir::net {

struct Link {
    int index = 0;
    std::string name;
    Mac mac;          // all zero where the interface is not Ethernet
    bool up = false;  // by the administrator and by its carrier
    uint32_t mtu = 0;
    std::optional<uint16_t> vlan;  // the tag's id, where this is a VLAN device
    uint16_t vlan_protocol = 0;    // ETH_P_8021Q or ETH_P_8021AD
    int parent = 0;                // what carries the VLAN; 0: in another network namespace
    int master = 0;                // the bond or bridge that it is a port of
    std::vector<Ip> addresses;     // in the kernel's order; without those that duplicate detection holds back

    bool operator==(const Link&) const = default;
};

using Links = std::map<int, Link>;  // by index

struct AddressMessage {
    int interface = 0;
    Ip address;
    bool usable = false;  // there, and not held back by duplicate detection
    uint8_t length = 0;   // of its network's prefix
};

struct NeighbourMessage {
    int interface = 0;
    Ip address;
    std::optional<Mac> mac;  // where the state says that it is good
    bool failed = false;     // asked for, and nobody answered
    bool gone = false;       // the kernel forgot it
};

/// Where the kernel sends a packet for one address.
struct Route {
    int interface = 0;
    std::optional<Ip> gateway;  // of either family
    uint8_t type = 0;           // RTN_UNICAST, RTN_LOCAL, …
    uint32_t mtu = 0;           // the route's own, or of the path as the kernel learnt it; 0: the interface's
    std::optional<Ip> source;   // what the kernel would send from

    bool operator==(const Route&) const = default;
};

/// Without `addresses`. `up` of a link that has gone is false and its name is empty.
std::optional<Link> decode_link(const nlmsghdr& message);
std::optional<AddressMessage> decode_address(const nlmsghdr& message);
std::optional<NeighbourMessage> decode_neighbour(const nlmsghdr& message);
std::optional<Route> decode_route(const nlmsghdr& message);
/// The destination of a route that came or went.
std::optional<Prefix> decode_destination(const nlmsghdr& message);

std::expected<Route, Refusal> ask_route(Netlink& netlink, const Ip& address);
/// Makes the kernel resolve the address as if there were a packet for it. Leaves an ordinary neighbour entry,
/// which the kernel ages and collects as any other.
std::expected<void, Refusal> use_neighbour(Netlink& netlink, int interface, const Ip& address);
std::expected<NeighbourMessage, Refusal> ask_neighbour(Netlink& netlink, int interface, const Ip& address);
/// A question for everything of one kind: RTM_GETLINK, RTM_GETADDR or RTM_GETNEIGH.
std::expected<void, Refusal> dump(Netlink& netlink, uint16_t type, const Netlink::Visitor& visit);

}  // namespace weir::net
