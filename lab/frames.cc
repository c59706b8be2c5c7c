#include "lab/frames.h"

#include <linux/if_packet.h>
#include <poll.h>
#include <sys/socket.h>

#include "lab/failure.h"

namespace weir::lab {
namespace {

constexpr size_t kLargest = 65536;

UniqueFd open_socket(Host& host, int family, int type) {
    return host.run([&] {
        return UniqueFd(check(::socket(family, type | SOCK_CLOEXEC, 0), "{}: no socket", host.name()));
    });
}

}  // namespace

FrameSocket::FrameSocket(Host& host, const std::string& ifname)
    : socket_(open_socket(host, AF_PACKET, SOCK_RAW)) {
    sockaddr_ll interface{};
    interface.sll_family = AF_PACKET;
    interface.sll_ifindex = static_cast<int>(host.index(ifname));
    check(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&interface), sizeof interface),
          "{}: cannot bind to {}", host.name(), ifname);
}

void FrameSocket::send(std::span<const uint8_t> frame) {
    check(::send(socket_.get(), frame.data(), frame.size(), 0), "cannot send a frame of {} bytes",
          frame.size());
}

DatagramSocket::DatagramSocket(Host& host, const net::Endpoint& local)
    : socket_(open_socket(host, local.address.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM)) {
    const net::SocketAddress address = net::to_socket_address(local);
    check(::bind(socket_.get(), address.get(), address.size), "{}: cannot bind {}", host.name(),
          local.text());
}

std::optional<Datagram> DatagramSocket::receive(Duration limit) {
    pollfd watch{socket_.get(), POLLIN, 0};
    if (::poll(&watch, 1, static_cast<int>(limit.count())) != 1) return std::nullopt;
    Datagram datagram;
    datagram.payload.resize(kLargest);
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    const ssize_t got = check(::recvfrom(socket_.get(), datagram.payload.data(), datagram.payload.size(), 0,
                                         reinterpret_cast<sockaddr*>(&from), &size),
                              "cannot receive");
    datagram.payload.resize(static_cast<size_t>(got));
    datagram.source = must(net::from_socket_address(from));
    return datagram;
}

void DatagramSocket::send(const net::Endpoint& to, std::span<const uint8_t> payload) {
    const net::SocketAddress address = net::to_socket_address(to);
    check(::sendto(socket_.get(), payload.data(), payload.size(), 0, address.get(), address.size),
          "cannot send to {}", to.text());
}

}  // namespace weir::lab
