#include "net/rtnetlink.h"

#include <arpa/inet.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "net/attributes.h"

namespace weir::net {
namespace {

constexpr uint16_t kResolved = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP;

std::optional<Mac> to_mac(const nlattr* attribute) {
    Mac mac;
    if (!attribute || nla_len(attribute) != static_cast<int>(mac.bytes.size())) return std::nullopt;
    std::ranges::copy(payload(attribute), mac.bytes.begin());
    if (mac == Mac{}) return std::nullopt;
    return mac;
}

using RouteParts = Parts<rtmsg, RTA_MAX>;

Message neighbour_request(uint16_t type, uint16_t flags, int interface, const Ip& address, uint8_t use) {
    ndmsg header{};
    header.ndm_family = static_cast<uint8_t>(family_of(address));
    header.ndm_ifindex = interface;
    header.ndm_flags = use;
    Message message(type, flags, header);
    message.put(NDA_DST, address.bytes());
    return message;
}

/// RTA_VIA is a gateway of another family than the route's: a family in two bytes, then the address.
std::optional<Ip> to_gateway(const RouteParts& parts) {
    if (auto* gateway = parts.attribute[RTA_GATEWAY])
        return to_ip(parts.header->rtm_family, payload(gateway));
    auto* via = parts.attribute[RTA_VIA];
    if (!via || nla_len(via) < static_cast<int>(sizeof(rtvia))) return std::nullopt;
    int family = static_cast<const rtvia*>(nla_data(via))->rtvia_family;
    return to_ip(family, payload(via).subspan(sizeof(rtvia)));
}

/// Only of a VLAN device IFLA_LINK is what carries it; of a veth it is the other end.
void read_vlan(Link& link, const Parts<ifinfomsg, IFLA_MAX>& parts) {
    auto kind = inside<IFLA_INFO_MAX>(parts.attribute[IFLA_LINKINFO]);
    if (to_text(kind[IFLA_INFO_KIND]) != "vlan") return;
    auto data = inside<IFLA_VLAN_MAX>(kind[IFLA_INFO_DATA]);
    link.vlan = to_number<uint16_t>(data[IFLA_VLAN_ID]);
    link.vlan_protocol = ntohs(to_number<uint16_t>(data[IFLA_VLAN_PROTOCOL]).value_or(htons(ETH_P_8021Q)));
    if (!parts.attribute[IFLA_LINK_NETNSID])
        link.parent = static_cast<int>(to_number(parts.attribute[IFLA_LINK]).value_or(0));
}

}  // namespace

std::optional<Link> decode_link(const nlmsghdr& message) {
    if (message.nlmsg_type != RTM_NEWLINK && message.nlmsg_type != RTM_DELLINK) return std::nullopt;
    Parts<ifinfomsg, IFLA_MAX> parts;
    // A bridge tells about its ports in messages of its own family, also when a port only leaves the bridge.
    if (!parts.parse(message) || parts.header->ifi_family == AF_BRIDGE) return std::nullopt;
    Link link{.index = parts.header->ifi_index};
    if (message.nlmsg_type == RTM_DELLINK) return link;
    link.name = to_text(parts.attribute[IFLA_IFNAME]);
    if (link.name.empty()) return std::nullopt;
    if (parts.header->ifi_type == ARPHRD_ETHER)
        link.mac = to_mac(parts.attribute[IFLA_ADDRESS]).value_or(Mac{});
    link.up = (parts.header->ifi_flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING);
    link.mtu = to_number(parts.attribute[IFLA_MTU]).value_or(0);
    link.master = static_cast<int>(to_number(parts.attribute[IFLA_MASTER]).value_or(0));
    read_vlan(link, parts);
    return link;
}

std::optional<AddressMessage> decode_address(const nlmsghdr& message) {
    if (message.nlmsg_type != RTM_NEWADDR && message.nlmsg_type != RTM_DELADDR) return std::nullopt;
    Parts<ifaddrmsg, IFA_MAX> parts;
    if (!parts.parse(message)) return std::nullopt;
    // On a point-to-point link IFA_ADDRESS is the other end.
    auto* attribute = parts.attribute[IFA_LOCAL] ? parts.attribute[IFA_LOCAL] : parts.attribute[IFA_ADDRESS];
    if (!attribute) return std::nullopt;
    auto address = to_ip(parts.header->ifa_family, payload(attribute));
    if (!address) return std::nullopt;
    uint32_t flags = to_number(parts.attribute[IFA_FLAGS]).value_or(parts.header->ifa_flags);
    bool usable = message.nlmsg_type == RTM_NEWADDR && !(flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED));
    return AddressMessage{static_cast<int>(parts.header->ifa_index), *address, usable,
                          parts.header->ifa_prefixlen};
}

std::optional<NeighbourMessage> decode_neighbour(const nlmsghdr& message) {
    if (message.nlmsg_type != RTM_NEWNEIGH && message.nlmsg_type != RTM_DELNEIGH) return std::nullopt;
    Parts<ndmsg, NDA_MAX> parts;
    if (!parts.parse(message) || !parts.attribute[NDA_DST] || parts.header->ndm_flags & NTF_PROXY)
        return std::nullopt;
    auto address = to_ip(parts.header->ndm_family, payload(parts.attribute[NDA_DST]));
    if (!address) return std::nullopt;
    NeighbourMessage out{.interface = parts.header->ndm_ifindex, .address = *address};
    out.gone = message.nlmsg_type == RTM_DELNEIGH;
    if (out.gone) return out;
    out.failed = parts.header->ndm_state & NUD_FAILED;
    if (parts.header->ndm_state & kResolved) out.mac = to_mac(parts.attribute[NDA_LLADDR]);
    return out;
}

std::optional<Route> decode_route(const nlmsghdr& message) {
    if (message.nlmsg_type != RTM_NEWROUTE) return std::nullopt;
    RouteParts parts;
    if (!parts.parse(message)) return std::nullopt;
    Route route{.interface = static_cast<int>(to_number(parts.attribute[RTA_OIF]).value_or(0)),
                .gateway = to_gateway(parts),
                .type = parts.header->rtm_type};
    route.mtu = to_number(inside<RTAX_MAX>(parts.attribute[RTA_METRICS])[RTAX_MTU]).value_or(0);
    if (auto* source = parts.attribute[RTA_PREFSRC])
        route.source = to_ip(parts.header->rtm_family, payload(source));
    return route;
}

std::optional<Prefix> decode_destination(const nlmsghdr& message) {
    if (message.nlmsg_type != RTM_NEWROUTE && message.nlmsg_type != RTM_DELROUTE) return std::nullopt;
    RouteParts parts;
    if (!parts.parse(message)) return std::nullopt;
    if (parts.header->rtm_family != AF_INET && parts.header->rtm_family != AF_INET6) return std::nullopt;
    auto address = parts.header->rtm_family == AF_INET ? Ip() : Ip::v6({});
    auto* destination = parts.attribute[RTA_DST];
    if (!destination) return Prefix{address, 0};
    auto found = to_ip(parts.header->rtm_family, payload(destination));
    if (!found) return std::nullopt;
    return Prefix{*found, parts.header->rtm_dst_len};
}

std::expected<Route, Refusal> ask_route(Netlink& netlink, const Ip& address) {
    rtmsg header{};
    header.rtm_family = static_cast<uint8_t>(family_of(address));
    header.rtm_dst_len = static_cast<uint8_t>(address.bytes().size() * 8);
    Message question(RTM_GETROUTE, 0, header);
    question.put(RTA_DST, address.bytes());
    std::optional<Route> route;
    auto answer = netlink.ask(question, [&](const nlmsghdr& message) { route = decode_route(message); });
    if (!answer) return std::unexpected(answer.error());
    if (!route) return std::unexpected(Refusal{EBADMSG, "the kernel's answer makes no sense"});
    return *route;
}

std::expected<void, Refusal> use_neighbour(Netlink& netlink, int interface, const Ip& address) {
    return netlink.ask(neighbour_request(RTM_NEWNEIGH, NLM_F_CREATE, interface, address, NTF_USE));
}

std::expected<NeighbourMessage, Refusal> ask_neighbour(Netlink& netlink, int interface, const Ip& address) {
    auto question = neighbour_request(RTM_GETNEIGH, 0, interface, address, 0);
    std::optional<NeighbourMessage> neighbour;
    auto answer =
        netlink.ask(question, [&](const nlmsghdr& message) { neighbour = decode_neighbour(message); });
    if (!answer) return std::unexpected(answer.error());
    if (!neighbour) return std::unexpected(Refusal{EBADMSG, "the kernel's answer makes no sense"});
    return *neighbour;
}

std::expected<void, Refusal> dump(Netlink& netlink, uint16_t type, const Netlink::Visitor& visit) {
    return netlink.ask(Message(type, NLM_F_DUMP, rtgenmsg{AF_UNSPEC}), visit);
}

}  // namespace weir::net
