#include "engine/proxy/udp_socket.h"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <cerrno>

namespace weir::engine::proxy {
namespace {

constexpr int kListenerBuffer = 4 << 20;  // each way: all clients share it
constexpr int kSessionBuffer = 1 << 20;   // a burst of answers; of all sockets together net.ipv4.udp_mem

bool set(int socket, int level, int option, int value) {
    return ::setsockopt(socket, level, option, &value, sizeof value) == 0;
}
int family_of(const net::Endpoint& endpoint) {
    return endpoint.address.is_v4() ? AF_INET : AF_INET6;
}
UniqueFd open_socket(const net::Endpoint& endpoint) {
    return UniqueFd(::socket(family_of(endpoint), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP));
}

/// Beyond the system's limit if weir may (CAP_NET_ADMIN).
void enlarge(int socket, int forced, int asked, int bytes) {
    if (!set(socket, SOL_SOCKET, forced, bytes)) set(socket, SOL_SOCKET, asked, bytes);
}

bool bind_to(int socket, const net::Endpoint& address) {
    const auto name = net::to_socket_address(address);
    return ::bind(socket, name.get(), name.size) == 0;
}

void discover_mtu(int socket, net::Family family, int how) {
    if (family == net::Family::v4)
        set(socket, IPPROTO_IP, IP_MTU_DISCOVER, how);
    else
        set(socket, IPPROTO_IPV6, IPV6_MTU_DISCOVER, how);
}

/// SO_REUSEADDR, because the client may have sessions with several frontends, each to its own backend.
bool take_address(int socket, const net::Endpoint& client) {
    const bool v4 = client.address.is_v4();
    return set(socket, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TRANSPARENT : IPV6_TRANSPARENT, 1) &&
           set(socket, SOL_SOCKET, SO_REUSEADDR, 1) && bind_to(socket, client);
}

}  // namespace

Result<UniqueFd> open_udp_listener(const net::Endpoint& address) {
    auto socket = open_socket(address);
    if (!socket) return fail_with(errno, "no socket for UDP at {}", address.text());
    const bool v4 = address.address.is_v4();
    if (!v4) set(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (!set(socket.get(), v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_FREEBIND : IPV6_FREEBIND, 1) ||
        !set(socket.get(), SOL_SOCKET, SO_REUSEPORT, 1))
        return fail_with(errno, "a socket for UDP at {} cannot be prepared", address.text());
    enlarge(socket.get(), SO_RCVBUFFORCE, SO_RCVBUF, kListenerBuffer);
    enlarge(socket.get(), SO_SNDBUFFORCE, SO_SNDBUF, kListenerBuffer);
    set(socket.get(), IPPROTO_UDP, UDP_GRO, 1);  // without it datagrams come one by one
    set(socket.get(), v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_RECVFRAGSIZE : IPV6_RECVFRAGSIZE, 1);
    if (!bind_to(socket.get(), address))
        return fail_with(errno, "no UDP at {} (does another program have the port?)", address.text());
    return socket;
}

// Both families count alike.
static_assert(IP_PMTUDISC_DO == IPV6_PMTUDISC_DO && IP_PMTUDISC_WANT == IPV6_PMTUDISC_WANT);

std::expected<UniqueFd, int> open_udp_backend(const BackendSocket& wanted) {
    auto socket = open_socket(wanted.backend);
    if (!socket) return std::unexpected(errno);
    const auto family = wanted.backend.address.family();
    discover_mtu(socket.get(), family, IP_PMTUDISC_DO);
    if (wanted.bulk) {
        set(socket.get(), IPPROTO_UDP, UDP_GRO, 1);
        enlarge(socket.get(), SO_RCVBUFFORCE, SO_RCVBUF, kSessionBuffer);
    }
    if (wanted.as && wanted.as->address.family() == family && !take_address(socket.get(), *wanted.as))
        return std::unexpected(errno);
    const auto name = net::to_socket_address(wanted.backend);
    if (::connect(socket.get(), name.get(), name.size) != 0) return std::unexpected(errno);
    return socket;
}

void allow_fragments(int socket, net::Family family) {
    discover_mtu(socket, family, IP_PMTUDISC_WANT);
}

size_t path_mtu(int socket, net::Family family) {
    const bool v4 = family == net::Family::v4;
    int mtu = 0;
    socklen_t size = sizeof mtu;
    if (::getsockopt(socket, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_MTU : IPV6_MTU, &mtu, &size) != 0)
        return 0;
    return mtu > 0 ? static_cast<size_t>(mtu) : 0;
}

}  // namespace weir::engine::proxy
