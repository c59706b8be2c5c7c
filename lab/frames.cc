#include "lab/frames.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
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

/// `protocol`: of the frames that it gets; 0: none.
UniqueFd open_on(Host& host, const std::string& ifname, uint16_t protocol) {
    UniqueFd socket = open_socket(host, AF_PACKET, SOCK_RAW);
    sockaddr_ll interface{};
    interface.sll_family = AF_PACKET;
    interface.sll_protocol = htons(protocol);
    interface.sll_ifindex = static_cast<int>(host.index(ifname));
    check(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&interface), sizeof interface),
          "{}: cannot bind to {}", host.name(), ifname);
    return socket;
}

bool is_readable(const UniqueFd& socket, Duration limit) {
    pollfd watch{socket.get(), POLLIN, 0};
    return ::poll(&watch, 1, static_cast<int>(limit.count())) == 1;
}

}  // namespace

FrameSocket::FrameSocket(Host& host, const std::string& ifname) : socket_(open_on(host, ifname, 0)) {}

void FrameSocket::send(std::span<const uint8_t> frame) {
    check(::send(socket_.get(), frame.data(), frame.size(), 0), "cannot send a frame of {} bytes",
          frame.size());
}

FrameTap::FrameTap(Host& host, const std::string& ifname) : socket_(open_on(host, ifname, ETH_P_ALL)) {}

std::optional<std::vector<uint8_t>> FrameTap::receive(Duration limit) {
    if (!is_readable(socket_, limit)) return std::nullopt;
    std::vector<uint8_t> frame(kLargest);
    frame.resize(static_cast<size_t>(
        check(::recv(socket_.get(), frame.data(), frame.size(), 0), "cannot receive a frame")));
    return frame;
}

DatagramSocket::DatagramSocket(Host& host, const net::Endpoint& local)
    : socket_(open_socket(host, local.address.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM)) {
    const net::SocketAddress address = net::to_socket_address(local);
    check(::bind(socket_.get(), address.get(), address.size), "{}: cannot bind {}", host.name(),
          local.text());
}

std::optional<Datagram> DatagramSocket::receive(Duration limit) {
    if (!is_readable(socket_, limit)) return std::nullopt;
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
