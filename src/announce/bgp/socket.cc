#include "announce/bgp/socket.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace weir::announce::bgp {
namespace {

constexpr int kFarthest = 255;         // a hop limit that nobody beyond a router can fake
constexpr int kNetworkControl = 0xc0;  // CS6, as routing protocols have it
constexpr int kBacklog = 16;

template <class T>
bool set(int socket, int level, int option, const T& value) {
    return ::setsockopt(socket, level, option, &value, sizeof value) == 0;
}

/// The hop limit of what is sent, and the least of what is let in.
Status set_hops(int socket, const model::BgpPeer& peer, bool external) {
    const bool v4 = peer.address.is_v4();
    const int level = v4 ? IPPROTO_IP : IPPROTO_IPV6;
    int hops = external ? peer.multihop.value_or(1) : peer.multihop.value_or(0);
    if (peer.ttl_security) {
        hops = kFarthest;
        if (auto done = set_least_ttl(socket, peer.address.family(), least_ttl(peer)); !done) return done;
    }
    if (hops != 0 && !set(socket, level, v4 ? IP_TTL : IPV6_UNICAST_HOPS, hops))
        return fail_with(errno, "cannot set a TTL of {}", hops);
    if (!set(socket, level, v4 ? IP_TOS : IPV6_TCLASS, kNetworkControl))
        return fail_with(errno, "cannot mark packets as network control");
    return {};
}

Result<UniqueFd> open_stream(const net::Ip& of) {
    UniqueFd fd(::socket(of.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return fail_with(errno, "no socket");
    return fd;
}

template <class Ask>
net::Endpoint endpoint(int socket, Ask ask) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (ask(socket, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return {};
    return net::from_socket_address(storage).value_or(net::Endpoint{});
}

}  // namespace

Status prepare(int socket, const model::BgpPeer& peer, bool external) {
    if (auto done = set_hops(socket, peer, external); !done) return done;
    // What is not acknowledged within the hold time never will be, and the peer has given up as well.
    auto patience = std::chrono::duration_cast<std::chrono::milliseconds>(peer.hold_time);
    if (!set(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<unsigned>(patience.count())) ||
        !set(socket, IPPROTO_TCP, TCP_NODELAY, 1))
        return fail_with(errno, "cannot set the connection up");
    return {};
}

int least_ttl(const model::BgpPeer& peer) {
    return peer.ttl_security ? kFarthest + 1 - *peer.ttl_security : 0;
}

Status set_least_ttl(int socket, net::Family family, int least) {
    const bool v4 = family == net::Family::v4;
    if (set(socket, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_MINTTL : IPV6_MINHOPCOUNT, least)) return {};
    return fail_with(errno, "cannot demand a TTL of {}", least);
}

Status set_password(int socket, const net::Ip& peer, const std::string& password) {
    tcp_md5sig key{};
    auto address = net::to_socket_address({peer, net::Port(0)});
    static_assert(sizeof key.tcpm_addr >= sizeof(sockaddr_in6));
    std::memcpy(&key.tcpm_addr, &address.storage, address.size);
    key.tcpm_keylen = static_cast<uint16_t>(std::min(password.size(), sizeof key.tcpm_key));
    std::memcpy(key.tcpm_key, password.data(), key.tcpm_keylen);
    if (set(socket, IPPROTO_TCP, TCP_MD5SIG, key)) return {};
    if (password.empty() && errno == ENOENT) return {};  // there was none
    return fail_with(errno, "cannot sign the connection with a password (TCP-MD5)");
}

Result<UniqueFd> open_socket(const model::BgpPeer& peer, bool external) {
    auto fd = open_stream(peer.address);
    if (!fd) return fd;
    if (auto done = prepare(fd->get(), peer, external); !done) return propagate(done);
    if (!peer.password.empty())
        if (auto done = set_password(fd->get(), peer.address, peer.password); !done) return propagate(done);
    if (peer.source) {
        auto source = net::to_socket_address({*peer.source, net::Port(0)});
        if (::bind(fd->get(), source.get(), source.size) != 0)
            return fail_with(errno, "cannot use the source address {}; see that an interface has it",
                             peer.source->text());
    }
    return fd;
}

Result<UniqueFd> open_listener(const net::Endpoint& at) {
    auto fd = open_stream(at.address);
    if (!fd) return fd;
    auto address = net::to_socket_address(at);
    bool set_up = set(fd->get(), SOL_SOCKET, SO_REUSEADDR, 1) &&
                  (at.address.is_v4() || set(fd->get(), IPPROTO_IPV6, IPV6_V6ONLY, 1)) &&
                  // Who demands GTSM sees our first answer before it is known whose it is.
                  (at.address.is_v4() ? set(fd->get(), IPPROTO_IP, IP_TTL, kFarthest)
                                      : set(fd->get(), IPPROTO_IPV6, IPV6_UNICAST_HOPS, kFarthest));
    if (!set_up || ::bind(fd->get(), address.get(), address.size) != 0 || ::listen(fd->get(), kBacklog) != 0)
        return fail_with(errno, "cannot listen for BGP peers on {}", at.text());
    return fd;
}

net::Endpoint local_of(int socket) {
    return endpoint(socket, ::getsockname);
}

net::Endpoint remote_of(int socket) {
    return endpoint(socket, ::getpeername);
}

}  // namespace weir::announce::bgp
