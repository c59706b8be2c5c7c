#include "engine/proxy/transparent_rules.h"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "engine/proxy/vip_routes.h"
#include "net/attributes.h"
#include "net/netlink.h"

namespace weir::engine::proxy {
namespace {

using net::Family;

constexpr Family kFamilies[] = {Family::v4, Family::v6};

uint8_t number_of(Family family) {
    return family == Family::v4 ? AF_INET : AF_INET6;
}

std::optional<AnsweredBy> decode(const nlmsghdr& message) {
    net::Parts<fib_rule_hdr, FRA_MAX> parts;
    if (message.nlmsg_type != RTM_NEWRULE || !parts.parse(message)) return std::nullopt;
    const auto& attribute = parts.attribute;
    auto protocol = net::to_number<uint8_t>(attribute[FRA_PROTOCOL]);
    auto ports = net::to_number<fib_rule_port_range>(attribute[FRA_SPORT_RANGE]);
    auto carried = net::to_number<uint8_t>(attribute[FRA_IP_PROTO]);
    if (protocol != kRouteProtocol || !attribute[FRA_SRC] || !ports || !carried) return std::nullopt;
    auto address = net::to_ip(parts.header->family, net::payload(attribute[FRA_SRC]));
    if (!address) return std::nullopt;
    return AnsweredBy{{*address, net::Port(ports->start)}, static_cast<model::Protocol>(*carried)};
}

Result<std::set<AnsweredBy>> list_rules(net::Netlink& netlink) {
    std::set<AnsweredBy> found;
    for (auto family : kFamilies) {
        fib_rule_hdr header{};
        header.family = number_of(family);
        auto listed = netlink.ask(net::Message(RTM_GETRULE, NLM_F_DUMP, header), [&](const auto& message) {
            if (auto rule = decode(message)) found.insert(*rule);
        });
        if (!listed) return fail("the routing rules cannot be read: {}", listed.error().message);
    }
    return found;
}

template <class T>
std::span<const uint8_t> bytes_of(const T& value) {
    return {reinterpret_cast<const uint8_t*>(&value), sizeof value};
}

net::Message rule(uint16_t type, uint16_t flags, const AnsweredBy& of) {
    fib_rule_hdr header{};
    header.family = number_of(of.backend.address.family());
    header.src_len = net::bits(of.backend.address.family());
    header.action = FR_ACT_TO_TBL;
    const fib_rule_port_range ports{of.backend.port.value(), of.backend.port.value()};
    const auto carried = static_cast<uint8_t>(of.protocol);
    net::Message message(type, flags, header);
    message.put(FRA_SRC, of.backend.address.bytes());
    message.put(FRA_SPORT_RANGE, bytes_of(ports)).put(FRA_IP_PROTO, bytes_of(carried));
    message.put(FRA_TABLE, kTransparentTable).put(FRA_PRIORITY, kRulePriority);
    message.put(FRA_PROTOCOL, bytes_of(kRouteProtocol));
    return message;
}

/// All addresses of a family are this host's, in the table of the rules.
net::Message everything(uint16_t type, uint16_t flags, Family family) {
    rtmsg header{};
    header.rtm_family = number_of(family);
    header.rtm_protocol = kRouteProtocol;
    header.rtm_scope = RT_SCOPE_HOST;
    header.rtm_type = RTN_LOCAL;
    net::Message message(type, flags, header);
    message.put(RTA_TABLE, kTransparentTable).put(RTA_OIF, ::if_nametoindex("lo"));
    return message;
}

Status ask(net::Netlink& netlink, const net::Message& message, int harmless) {
    auto done = netlink.ask(message);
    if (done || done.error().code == harmless) return {};
    return fail(
        "'transparent' of a proxy service cannot be set up: {}; it needs CAP_NET_ADMIN and a kernel "
        "with CONFIG_IP_MULTIPLE_TABLES",
        done.error().message);
}

}  // namespace

Status set_transparent_rules(const std::set<AnsweredBy>& backends) {
    auto netlink = net::Netlink::open();
    if (!netlink) return propagate(netlink, "'transparent' of a proxy service cannot be set up");
    auto present = list_rules(*netlink);
    if (!present) return backends.empty() ? Status() : propagate(present);
    if (*present == backends) return {};
    for (auto family : kFamilies) {
        const bool wanted = std::ranges::any_of(
            backends, [&](const auto& each) { return each.backend.address.family() == family; });
        auto done = wanted ? ask(*netlink, everything(RTM_NEWROUTE, NLM_F_CREATE, family), EEXIST)
                           : ask(*netlink, everything(RTM_DELROUTE, 0, family), ESRCH);
        if (!done) return done;
    }
    for (const auto& each : *present)
        if (!backends.contains(each))
            if (auto done = ask(*netlink, rule(RTM_DELRULE, 0, each), ENOENT); !done) return done;
    for (const auto& each : backends)
        if (!present->contains(each))
            if (auto done = ask(*netlink, rule(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, each), EEXIST); !done)
                return done;
    return {};
}

}  // namespace weir::engine::proxy
