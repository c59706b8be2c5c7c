// libnl's objects with owners, and its error codes as Failures.
#pragma once

#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/route.h>

#include <memory>
#include <string>

#include "lab/failure.h"
#include "net/ip.h"

namespace weir::lab {

template <auto Free>
struct FreedBy {
    void operator()(auto* object) const { Free(object); }
};
using NlSocket = std::unique_ptr<nl_sock, FreedBy<nl_socket_free>>;
using NlMessage = std::unique_ptr<nl_msg, FreedBy<nlmsg_free>>;
using NlAddress = std::unique_ptr<nl_addr, FreedBy<nl_addr_put>>;
using NlCache = std::unique_ptr<nl_cache, FreedBy<nl_cache_free>>;
using RtLink = std::unique_ptr<rtnl_link, FreedBy<rtnl_link_put>>;
using RtAddress = std::unique_ptr<rtnl_addr, FreedBy<rtnl_addr_put>>;
using RtRoute = std::unique_ptr<rtnl_route, FreedBy<rtnl_route_put>>;

/// As check(), for libnl's codes.
template <class... Args>
void check_nl(int code, fmt::format_string<Args...> format, Args&&... args) {
    if (code < 0) give_up("{}: {}", fmt::format(format, std::forward<Args>(args)...), nl_geterror(code));
}

/// A routing socket in the calling thread's network namespace; it stays there.
NlSocket open_rtnl();

RtLink get_link(nl_sock* rtnl, const std::string& ifname);
/// `10.0.0.1/24`, `2001:db8::1`.
NlAddress parse_address(const std::string& text);
NlAddress mac_address(const net::Mac& mac);

}  // namespace weir::lab
