#include "engine/proxy/vip_routes.h"

#include <linux/rtnetlink.h>
#include <net/if.h>

#include "net/attributes.h"
#include "net/netlink.h"

namespace weir::engine::proxy {
namespace {

using net::Ip;

struct LocalAddresses {
    std::set<Ip> own;     // by a route of weir's
    std::set<Ip> others;  // by the kernel's, for an address of an interface, or another program's
};

/// A router's whole table may be large: the kernel is asked for the local one alone, and where it is too old
/// to understand that, it tells everything.
Status list(net::Netlink& netlink, uint8_t family, LocalAddresses& into) {
    const int strict = 1;
    ::setsockopt(netlink.fd(), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &strict, sizeof strict);
    rtmsg header{};
    header.rtm_family = family;
    header.rtm_table = RT_TABLE_LOCAL;
    auto listed = netlink.ask(net::Message(RTM_GETROUTE, NLM_F_DUMP, header), [&](const nlmsghdr& message) {
        net::Parts<rtmsg, RTA_MAX> parts;
        if (message.nlmsg_type != RTM_NEWROUTE || !parts.parse(message)) return;
        if (parts.header->rtm_type != RTN_LOCAL || !parts.attribute[RTA_DST]) return;
        auto address = net::to_ip(parts.header->rtm_family, net::payload(parts.attribute[RTA_DST]));
        if (!address || parts.header->rtm_dst_len != net::bits(address->family())) return;
        (parts.header->rtm_protocol == kRouteProtocol ? into.own : into.others).insert(*address);
    });
    if (!listed) return fail("the local addresses cannot be read: {}", listed.error().message);
    return {};
}

net::Message request(uint16_t type, uint16_t flags, const Ip& vip, uint32_t loopback) {
    rtmsg header{};
    header.rtm_family = static_cast<uint8_t>(net::family_of(vip));
    header.rtm_dst_len = net::bits(vip.family());
    header.rtm_table = RT_TABLE_LOCAL;
    header.rtm_protocol = kRouteProtocol;
    header.rtm_scope = RT_SCOPE_HOST;
    header.rtm_type = RTN_LOCAL;
    net::Message message(type, flags, header);
    message.put(RTA_DST, vip.bytes());
    message.put(RTA_OIF, loopback);
    return message;
}

}  // namespace

Status set_vip_routes(const std::set<Ip>& vips) {
    auto netlink = net::Netlink::open();
    if (!netlink) return propagate(netlink, "the VIPs cannot be made addresses of this host");
    LocalAddresses found;
    for (uint8_t family : {AF_INET, AF_INET6})
        if (auto done = list(*netlink, family, found); !done) return done;
    const uint32_t loopback = ::if_nametoindex("lo");
    for (const auto& vip : found.own) {
        if (vips.contains(vip)) continue;
        auto gone = netlink->ask(request(RTM_DELROUTE, 0, vip, loopback));
        if (!gone && gone.error().code != ESRCH)
            return fail("the local route to {} cannot be removed: {}", vip.text(), gone.error().message);
    }
    for (const auto& vip : vips) {
        if (found.own.contains(vip) || found.others.contains(vip) || vip.is_loopback()) continue;
        auto made = netlink->ask(request(RTM_NEWROUTE, NLM_F_CREATE, vip, loopback));
        if (!made && made.error().code != EEXIST)
            return fail(
                "{} cannot be made an address of this host: {}; run weir with CAP_NET_ADMIN, or add "
                "it to an interface",
                vip.text(), made.error().message);
    }
    return {};
}

}  // namespace weir::engine::proxy
