#include "sync/socket.h"

#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

namespace weir::sync {
namespace {

constexpr size_t kBatch = 32;
constexpr int kHops = 1;               // of what goes to the group
constexpr int kNetworkControl = 0xc0;  // CS6

template <class T>
bool set(int socket, int level, int option, const T& value) {
    return ::setsockopt(socket, level, option, &value, sizeof value) == 0;
}

int level_of(net::Family family) {
    return family == net::Family::v4 ? IPPROTO_IP : IPPROTO_IPV6;
}

net::Endpoint listen_at(const model::Sync& settings) {
    if (settings.listen) return *settings.listen;
    auto port = settings.group ? settings.group->port : model::kSyncPort;
    const auto& other = settings.group ? *settings.group : settings.peers.front();
    return {other.address.is_v4() ? net::Ip() : net::Ip::v6({}), port};
}

/// The kernel's limit may be lower for who lacks the right to exceed it: less room is no reason to end.
void make_room(int socket) {
    if (!set(socket, SOL_SOCKET, SO_RCVBUFFORCE, Socket::kRoom))
        set(socket, SOL_SOCKET, SO_RCVBUF, Socket::kRoom);
    if (!set(socket, SOL_SOCKET, SO_SNDBUFFORCE, Socket::kRoom))
        set(socket, SOL_SOCKET, SO_SNDBUF, Socket::kRoom);
}

/// A link-local address means nothing without its interface.
net::SocketAddress address_of(const net::Endpoint& endpoint, unsigned interface) {
    auto address = net::to_socket_address(endpoint);
    if (!endpoint.address.is_v4())
        reinterpret_cast<sockaddr_in6*>(&address.storage)->sin6_scope_id = interface;
    return address;
}

Result<UniqueFd> open_at(const net::Endpoint& at, unsigned interface = 0) {
    const auto family = at.address.family();
    const bool v4 = family == net::Family::v4;
    UniqueFd fd(::socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return fail_with(errno, "no socket for sync");
    make_room(fd.get());
    auto address = address_of(at, interface);
    bool set_up = set(fd.get(), SOL_SOCKET, SO_RXQ_OVFL, 1) &&
                  set(fd.get(), level_of(family), v4 ? IP_TOS : IPV6_TCLASS, kNetworkControl) &&
                  // What other programs have joined is none of ours.
                  set(fd.get(), level_of(family), v4 ? IP_MULTICAST_ALL : IPV6_MULTICAST_ALL, 0) &&
                  (v4 || set(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1));
    if (!set_up || ::bind(fd.get(), address.get(), address.size) != 0)
        return fail_with(errno, "sync cannot listen on {}", at.text());
    return fd;
}

/// In the socket's own network namespace; 0: there is none.
unsigned index_of(int socket, const std::string& interface) {
    ifreq request{};
    interface.copy(request.ifr_name, IFNAMSIZ - 1);
    return ::ioctl(socket, SIOCGIFINDEX, &request) == 0 ? static_cast<unsigned>(request.ifr_ifindex) : 0;
}

bool join(int socket, const net::Ip& group, unsigned interface) {
    group_req request{};
    request.gr_interface = interface;
    auto address = net::to_socket_address({group, net::Port(0)});
    std::memcpy(&request.gr_group, &address.storage, address.size);
    return set(socket, level_of(group.family()), MCAST_JOIN_GROUP, request);
}

/// Sends to the group by this interface, and hears nothing of that.
bool aim(int socket, net::Family family, unsigned interface) {
    if (family == net::Family::v4) {
        ip_mreqn by{};
        by.imr_ifindex = static_cast<int>(interface);
        return set(socket, IPPROTO_IP, IP_MULTICAST_IF, by) &&
               set(socket, IPPROTO_IP, IP_MULTICAST_LOOP, 0) &&
               set(socket, IPPROTO_IP, IP_MULTICAST_TTL, kHops);
    }
    return set(socket, IPPROTO_IPV6, IPV6_MULTICAST_IF, interface) &&
           set(socket, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0) &&
           set(socket, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, kHops);
}

struct Batch {
    std::array<std::array<uint8_t, kMostDatagram + 1>, kBatch> bytes;  // one more: too long is seen
    std::array<sockaddr_storage, kBatch> from;
    std::array<iovec, kBatch> vectors;
    std::array<std::array<char, CMSG_SPACE(sizeof(uint32_t))>, kBatch> control;
    std::array<mmsghdr, kBatch> messages;

    int receive(int socket, size_t most) {
        for (size_t i = 0; i < kBatch; ++i) {
            vectors[i] = {bytes[i].data(), bytes[i].size()};
            messages[i] = {};
            messages[i].msg_hdr = {
                &from[i], sizeof from[i], &vectors[i], 1, control[i].data(), control[i].size(), 0};
        }
        return ::recvmmsg(socket, messages.data(), static_cast<unsigned>(std::min(most, kBatch)), 0, nullptr);
    }
};

uint32_t dropped_by(msghdr& message, uint32_t before) {
    for (auto* each = CMSG_FIRSTHDR(&message); each; each = CMSG_NXTHDR(&message, each))
        if (each->cmsg_level == SOL_SOCKET && each->cmsg_type == SO_RXQ_OVFL)
            std::memcpy(&before, CMSG_DATA(each), sizeof before);
    return before;
}

}  // namespace

Result<std::unique_ptr<Socket>> Socket::open(const model::Sync& settings) {
    auto socket = std::make_unique<Socket>();
    socket->listening_ = listen_at(settings);
    auto main = open_at(socket->listening_);
    if (!main) return propagate(main);
    socket->main_.fd = std::move(*main);
    if (!settings.group) return socket;
    const auto& group = *settings.group;
    const int sender = socket->main_.fd.get();
    socket->interface_ = index_of(sender, settings.interface);
    if (socket->interface_ == 0) return fail("sync has no interface '{}'", settings.interface);
    if (!aim(sender, group.address.family(), socket->interface_))
        return fail_with(errno, "sync cannot send to {} by {}", group.text(), settings.interface);
    int listener = sender;
    // Bound to an address of this host's, a socket hears nothing that is sent to another.
    if (!socket->listening_.address.is_unspecified() || socket->listening_.port != group.port) {
        auto second = open_at(group, socket->interface_);
        if (!second) return propagate(second);
        socket->group_.fd = std::move(*second);
        listener = socket->group_.fd.get();
    }
    if (!join(listener, group.address, socket->interface_))
        return fail_with(errno, "sync cannot join {} on {}", group.text(), settings.interface);
    return socket;
}

bool Socket::is_current(const model::Sync& settings) const {
    return !settings.group || index_of(main_.fd.get(), settings.interface) == interface_;
}

Sending Socket::send(const net::Endpoint& to, std::span<const uint8_t> datagram) {
    auto address = address_of(to, to.address.is_link_local() ? interface_ : 0);
    for (int tries = 0; tries < 2; ++tries) {
        if (::sendto(main_.fd.get(), datagram.data(), datagram.size(), 0, address.get(), address.size) >= 0) {
            trouble_.clear();
            return Sending::done;
        }
        if (errno == EAGAIN || errno == ENOBUFS) return Sending::busy;
        // A peer's refusal of an earlier datagram is told once, and this one has not been tried.
        if (errno != ECONNREFUSED) break;
    }
    trouble_ = fail_with(errno, "cannot send to {}", to.text()).error().message;
    return Sending::failed;
}

size_t Socket::receive(size_t most, const Take& take) {
    const auto count = receive(main_, most, take);
    return group_.fd ? count + receive(group_, most - count, take) : count;
}

size_t Socket::receive(Ear& ear, size_t most, const Take& take) {
    static thread_local Batch batch;
    size_t all = 0;
    while (all < most) {
        const int count = batch.receive(ear.fd.get(), most - all);
        if (count <= 0) break;
        for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
            auto& message = batch.messages[i];
            ear.dropped = dropped_by(message.msg_hdr, ear.dropped);
            if (auto from = net::from_socket_address(batch.from[i]))
                take(*from, std::span(batch.bytes[i]).first(message.msg_len));
        }
        all += static_cast<size_t>(count);
        if (static_cast<size_t>(count) < kBatch) break;
    }
    return all;
}

}  // namespace weir::sync
