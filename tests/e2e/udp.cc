#include "tests/e2e/udp.h"

#include <poll.h>
#include <sys/socket.h>

#include "lab/failure.h"

namespace weir::e2e {
namespace {

constexpr int kTurn = 50;      // milliseconds after which the server looks whether it shall end
constexpr int kAnswer = 5000;  // milliseconds; only a lost datagram takes so long

UniqueFd udp_socket(lab::Host& host, const net::Endpoint& endpoint) {
    const int family = endpoint.address.is_v4() ? AF_INET : AF_INET6;
    return host.run(
        [&] { return UniqueFd(lab::check(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0), "no UDP")); });
}

bool readable(const UniqueFd& socket, int milliseconds) {
    pollfd watch{socket.get(), POLLIN, 0};
    return ::poll(&watch, 1, milliseconds) == 1;
}

}  // namespace

UdpEcho::UdpEcho(lab::Host& host, const net::Endpoint& address, std::string name)
    : socket_(udp_socket(host, address)) {
    auto local = net::to_socket_address(address);
    lab::check(::bind(socket_.get(), local.get(), local.size), "cannot bind {}", address.text());
    thread_ = std::jthread([this, name = std::move(name)](std::stop_token stop) {
        while (!stop.stop_requested()) {
            if (!readable(socket_, kTurn)) continue;
            char datagram[64];
            sockaddr_storage from{};
            socklen_t size = sizeof from;
            auto* peer = reinterpret_cast<sockaddr*>(&from);
            if (::recvfrom(socket_.get(), datagram, sizeof datagram, 0, peer, &size) < 0) continue;
            ::sendto(socket_.get(), name.data(), name.size(), 0, peer, size);
        }
    });
}

UdpFlow::UdpFlow(lab::Host& from, const net::Endpoint& to) : socket_(udp_socket(from, to)) {
    auto peer = net::to_socket_address(to);
    lab::check(::connect(socket_.get(), peer.get(), peer.size), "cannot connect to {}", to.text());
}

std::optional<std::string> UdpFlow::ask() {
    char answer[64];
    if (::send(socket_.get(), "who?", 4, 0) != 4 || !readable(socket_, kAnswer)) return std::nullopt;
    const ssize_t size = ::recv(socket_.get(), answer, sizeof answer, 0);
    if (size < 0) return std::nullopt;
    return std::string(answer, static_cast<size_t>(size));
}

}  // namespace weir::e2e
