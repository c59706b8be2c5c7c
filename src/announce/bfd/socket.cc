#include "announce/bfd/socket.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <random>

namespace weir::announce::bfd {
namespace {

constexpr int kHops = 255;
constexpr int kNetworkControl = 0xc0;  // CS6
constexpr uint16_t kLeastSource = 49152, kMostSource = 65535;
constexpr int kTries = 64;

template <class T>
bool set(int socket, int level, int option, const T& value) {
    return ::setsockopt(socket, level, option, &value, sizeof value) == 0;
}

Result<UniqueFd> open_datagram(const net::Ip& of) {
    UniqueFd fd(::socket(of.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return fail_with(errno, "no socket");
    return fd;
}

/// 0, or what is wrong.
int bind_to(int socket, const net::Endpoint& at) {
    const auto address = net::to_socket_address(at);
    return ::bind(socket, address.get(), address.size) == 0 ? 0 : errno;
}

}  // namespace

net::Port port_of(bool multihop) {
    return net::Port(multihop ? 4784 : 3784);
}

Result<net::Ip> own_address(const net::Ip& peer) {
    auto fd = open_datagram(peer);
    if (!fd) return propagate(fd);
    const auto to = net::to_socket_address({peer, port_of(false)});
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (::connect(fd->get(), to.get(), to.size) != 0 ||
        ::getsockname(fd->get(), reinterpret_cast<sockaddr*>(&storage), &size) != 0)
        return fail_with(errno, "no route to {}", peer.text());
    auto own = net::from_socket_address(storage);
    if (!own) return propagate(own);
    return own->address;
}

Result<UniqueFd> open_receiver(const net::Ip& local, bool multihop) {
    auto fd = open_datagram(local);
    if (!fd) return fd;
    const bool told = local.is_v4() ? set(fd->get(), IPPROTO_IP, IP_RECVTTL, 1)
                                    : set(fd->get(), IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
    if (!told) return fail_with(errno, "cannot see hop limits");
    const net::Endpoint at{local, port_of(multihop)};
    if (int code = bind_to(fd->get(), at); code != 0)
        return fail_with(code, "cannot receive BFD at {}{}", at.text(),
                         code == EADDRINUSE ? "; another program speaks BFD on this host" : "");
    return fd;
}

Result<UniqueFd> open_sender(const net::Ip& local) {
    auto fd = open_datagram(local);
    if (!fd) return fd;
    const bool v4 = local.is_v4();
    const int level = v4 ? IPPROTO_IP : IPPROTO_IPV6;
    if (!set(fd->get(), level, v4 ? IP_TTL : IPV6_UNICAST_HOPS, kHops) ||
        !set(fd->get(), level, v4 ? IP_TOS : IPV6_TCLASS, kNetworkControl))
        return fail_with(errno, "cannot set a hop limit of {}", kHops);
    std::random_device random;
    std::uniform_int_distribution<unsigned> ports(kLeastSource, kMostSource);
    int code = 0;
    for (int i = 0; i < kTries; ++i) {
        code = bind_to(fd->get(), {local, net::Port(static_cast<uint16_t>(ports(random)))});
        if (code == 0) return fd;
        if (code != EADDRINUSE) break;
    }
    return fail_with(code, "cannot send BFD from {}", local.text());
}

Status send(int socket, const net::Endpoint& to, std::span<const uint8_t> bytes) {
    const auto address = net::to_socket_address(to);
    if (::sendto(socket, bytes.data(), bytes.size(), 0, address.get(), address.size) >= 0) return {};
    return fail_with(errno, "cannot send to {}", to.text());
}

std::optional<Datagram> receive(int socket) {
    Datagram datagram;
    sockaddr_storage from{};
    iovec data{datagram.bytes.data(), datagram.bytes.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_name = &from;
    message.msg_namelen = sizeof from;
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const auto size = ::recvmsg(socket, &message, 0);
    if (size < 0) return std::nullopt;
    datagram.size = static_cast<size_t>(size);
    if (auto sender = net::from_socket_address(from)) datagram.from = sender->address;
    for (auto* each = CMSG_FIRSTHDR(&message); each; each = CMSG_NXTHDR(&message, each))
        std::memcpy(&datagram.ttl, CMSG_DATA(each), sizeof datagram.ttl);  // nothing else was asked for
    return datagram;
}

}  // namespace weir::announce::bfd
