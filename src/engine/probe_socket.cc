#include "engine/probe_socket.h"

#include <linux/udp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <random>

namespace weir::engine {
namespace {

int set(const UniqueFd& socket, int level, int option, int value) {
    return setsockopt(socket.get(), level, option, &value, sizeof value);
}

Result<UniqueFd> new_socket(net::Carrier carrier, bool v4) {
    int type = carrier == net::Carrier::tcp ? SOCK_STREAM : SOCK_DGRAM, protocol = 0;
    if (carrier == net::Carrier::icmp) {
        type = SOCK_RAW;
        protocol = v4 ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6};
    }
    UniqueFd socket(::socket(v4 ? AF_INET : AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
    if (!socket) return fail_with(errno, "cannot open a socket");
    return socket;
}

}  // namespace

Result<UniqueFd> make_probe_socket(net::Carrier carrier, net::Family family) {
    bool v4 = family == net::Family::v4;
    auto socket = new_socket(carrier, v4);
    if (!socket) return socket;
    if (carrier == net::Carrier::tcp) {
        // A reset ends a probe's connection at once, and on both sides: an orderly end would outlast the
        // probe and its row, and leave a port here in TIME_WAIT for each of them.
        linger reset{.l_onoff = 1, .l_linger = 0};
        if (setsockopt(socket->get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset))
            return fail_with(errno, "cannot set SO_LINGER");
        return socket;
    }
    if (v4 ? set(*socket, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
           : set(*socket, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO))
        return fail_with(errno, "cannot forbid fragments");
    // An answer of a VIP's over IPv4 may be without one, and comes here as one over IPv6.
    if (carrier == net::Carrier::udp && !v4 && set(*socket, IPPROTO_UDP, UDP_NO_CHECK6_RX, 1))
        return fail_with(errno, "cannot set UDP_NO_CHECK6_RX");
    return socket;
}

Result<net::Endpoint> local_endpoint(const UniqueFd& socket) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (getsockname(socket.get(), reinterpret_cast<sockaddr*>(&storage), &size))
        return fail_with(errno, "cannot read a socket's address");
    return net::from_socket_address(storage);
}

Result<net::Port> own_port(net::Carrier carrier, const UniqueFd& socket) {
    if (carrier == net::Carrier::icmp) {
        std::random_device device;
        return net::Port(std::uniform_int_distribution<uint16_t>(1)(device));
    }
    auto local = local_endpoint(socket);
    if (!local) return propagate(local);
    return local->port;
}

net::Endpoint goal(net::Carrier carrier, const net::Endpoint& backend, net::Port own) {
    return {backend.address, carrier == net::Carrier::icmp ? own : backend.port};
}

net::Opened open_directly(net::Carrier carrier, const net::Endpoint& backend) {
    auto socket = make_probe_socket(carrier, backend.address.family());
    if (!socket) return std::unexpected(net::NoPassage(socket.error(), true));
    auto own = own_port(carrier, *socket);
    if (!own) return std::unexpected(net::NoPassage(own.error(), true));
    return net::Passage(std::move(*socket), goal(carrier, backend, *own), {});
}

}  // namespace weir::engine
