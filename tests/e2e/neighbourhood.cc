#include "tests/e2e/neighbourhood.h"

namespace weir::net {

Ip ip(const std::string& text) {
    return Ip::parse(text).value();
}
Mac mac(const std::string& text) {
    return Mac::parse(text).value();
}

namespace {

lab::RtRoute make_route(lab::Host& host, const Path& path) {
    lab::RtRoute route(rtnl_route_alloc());
    const auto prefix = lab::parse_address(path.prefix);
    rtnl_route_set_dst(route.get(), prefix.get());
    rtnl_route_set_type(route.get(), path.type);
    rtnl_route_set_table(route.get(), path.type == RTN_LOCAL ? RT_TABLE_LOCAL : RT_TABLE_MAIN);
    if (path.mtu) rtnl_route_set_metric(route.get(), RTAX_MTU, path.mtu);
    if (!path.source.empty()) rtnl_route_set_pref_src(route.get(), lab::parse_address(path.source).get());
    for (size_t i = 0; i < path.interfaces.size(); i++) {
        auto* hop = rtnl_route_nh_alloc();  // the route frees it
        rtnl_route_nh_set_ifindex(hop, static_cast<int>(host.index(path.interfaces[i])));
        if (!path.gateways.empty()) {
            const auto gateway = lab::parse_address(path.gateways[i]);
            if (nl_addr_get_family(gateway.get()) == nl_addr_get_family(prefix.get()))
                rtnl_route_nh_set_gateway(hop, gateway.get());
            else
                rtnl_route_nh_set_via(hop, gateway.get());
        }
        rtnl_route_add_nexthop(route.get(), hop);
    }
    return route;
}

}  // namespace

void set_route(lab::Host& host, const Path& path) {
    lab::check_nl(rtnl_route_add(host.rtnl(), make_route(host, path).get(), NLM_F_CREATE | NLM_F_REPLACE),
                  "cannot set the route to {}", path.prefix);
}

void remove_route(lab::Host& host, const Path& path) {
    lab::check_nl(rtnl_route_delete(host.rtnl(), make_route(host, path).get(), 0),
                  "cannot remove the route to {}", path.prefix);
}

}  // namespace weir::net
