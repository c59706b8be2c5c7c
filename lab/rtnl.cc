#include "lab/rtnl.h"

namespace weir::lab {

NlSocket open_rtnl() {
    NlSocket socket(nl_socket_alloc());
    check_nl(nl_connect(socket.get(), NETLINK_ROUTE), "cannot open a routing socket");
    return socket;
}

RtLink get_link(nl_sock* rtnl, const std::string& ifname) {
    rtnl_link* link = nullptr;
    check_nl(rtnl_link_get_kernel(rtnl, 0, ifname.c_str(), &link), "no interface {}", ifname);
    return RtLink(link);
}

NlAddress parse_address(const std::string& text) {
    nl_addr* address = nullptr;
    check_nl(nl_addr_parse(text.c_str(), AF_UNSPEC, &address), "'{}' is no address", text);
    return NlAddress(address);
}

NlAddress mac_address(const net::Mac& mac) {
    return NlAddress(nl_addr_build(AF_LLC, mac.bytes.data(), mac.bytes.size()));
}

}  // namespace weir::lab
