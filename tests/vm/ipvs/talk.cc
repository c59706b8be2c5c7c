#include "tests/vm/ipvs/talk.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "lab/failure.h"
#include "lab/tcp.h"

namespace weir::vm {
namespace {

constexpr int kPatienceMs = 3000;

/// Of both families.
UniqueFd listen_at(uint16_t port, int type, int protocol) {
    UniqueFd socket(::socket(AF_INET6, type | SOCK_CLOEXEC, protocol));
    if (!socket && protocol == IPPROTO_SCTP) return socket;  // this kernel has none
    lab::check(socket.get(), "cannot open a socket");
    const int off = 0, on = 1;
    lab::check(setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off), "both families");
    lab::check(setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), "SO_REUSEADDR");
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    any.sin6_port = htons(port);
    lab::check(bind(socket.get(), reinterpret_cast<sockaddr*>(&any), sizeof any), "cannot bind");
    if (type == SOCK_STREAM) lab::check(listen(socket.get(), 64), "cannot listen");
    return socket;
}

/// What is asked is answered with the name; what connects is told it first.
[[noreturn]] void serve(const std::string& name, std::vector<UniqueFd> listening, UniqueFd datagrams) {
    std::vector<UniqueFd> open;
    char piece[512];
    for (;;) {
        std::vector<pollfd> watched{{datagrams.get(), POLLIN, 0}};
        for (const auto& socket : listening) watched.push_back({socket.get(), POLLIN, 0});
        for (const auto& socket : open) watched.push_back({socket.get(), POLLIN, 0});
        ::poll(watched.data(), watched.size(), -1);
        std::vector<UniqueFd> still_open;
        for (size_t i = 0; i < open.size(); ++i) {
            if (!watched[1 + listening.size() + i].revents) {
                still_open.push_back(std::move(open[i]));
            } else if (::recv(open[i].get(), piece, sizeof piece, MSG_DONTWAIT) > 0) {
                ::send(open[i].get(), name.data(), name.size(), MSG_NOSIGNAL);
                still_open.push_back(std::move(open[i]));
            }
        }
        open = std::move(still_open);
        for (size_t i = 0; i < listening.size(); ++i)
            if (watched[1 + i].revents & POLLIN) {
                open.emplace_back(::accept(listening[i].get(), nullptr, nullptr));
                ::send(open.back().get(), name.data(), name.size(), MSG_NOSIGNAL);
            }
        if (!(watched[0].revents & POLLIN)) continue;
        sockaddr_storage from{};
        socklen_t size = sizeof from;
        if (::recvfrom(datagrams.get(), piece, sizeof piece, 0, reinterpret_cast<sockaddr*>(&from), &size) >
            0)
            ::sendto(datagrams.get(), name.data(), name.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
    }
}

std::string receive(int socket) {
    pollfd watch{socket, POLLIN, 0};
    if (::poll(&watch, 1, kPatienceMs) <= 0) return "no answer";
    char piece[512];
    const auto size = ::recv(socket, piece, sizeof piece, 0);
    if (size < 0) return std::strerror(errno);
    return {piece, static_cast<size_t>(size)};
}

/// Blocking, with a limit to how long connecting may take.
UniqueFd connected(lab::Host& client, const std::string& vip, Talk talk) {
    const auto to = net::to_socket_address(lab::endpoint(vip));
    const int type = talk == Talk::udp ? SOCK_DGRAM : SOCK_STREAM;
    const int protocol = talk == Talk::sctp ? IPPROTO_SCTP : 0;
    UniqueFd socket(
        client.run([&] { return ::socket(to.storage.ss_family, type | SOCK_CLOEXEC, protocol); }));
    lab::check(socket.get(), "cannot open a socket");
    const timeval patience{.tv_sec = kPatienceMs / 1000, .tv_usec = 0};
    setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (::connect(socket.get(), to.get(), to.size) != 0) socket.reset();
    return socket;
}

}  // namespace

Server::Sockets Server::open(uint16_t port) {
    Sockets sockets;
    sockets.streams.push_back(listen_at(port, SOCK_STREAM, 0));
    if (auto sctp = listen_at(port, SOCK_STREAM, IPPROTO_SCTP)) sockets.streams.push_back(std::move(sctp));
    sockets.datagrams = listen_at(port, SOCK_DGRAM, 0);
    return sockets;
}

Server::Server(lab::Host& host, uint16_t port) : Server(host, host.run([&] { return open(port); })) {}

Server::Server(lab::Host& host, Sockets sockets)
    : process_(host, [&]() -> int {
          serve(host.name(), std::move(sockets.streams), std::move(sockets.datagrams));
      }) {}

std::string ask(lab::Host& client, const std::string& vip, Talk talk) {
    auto socket = connected(client, vip, talk);
    if (!socket) return std::strerror(errno);
    if (talk == Talk::udp && ::send(socket.get(), "?", 1, 0) != 1) return std::strerror(errno);
    return receive(socket.get());
}

std::map<std::string, int> ask_often(lab::Host& client, const std::string& vip, int times, Talk talk) {
    std::map<std::string, int> answers;
    for (int i = 0; i < times; ++i) ++answers[ask(client, vip, talk)];
    return answers;
}

std::map<std::string, int> ask_by_one_flow(lab::Host& client, const std::string& vip, int times) {
    const auto to = net::to_socket_address(lab::endpoint(vip));
    UniqueFd socket(client.run([&] { return ::socket(to.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0); }));
    lab::check(socket.get(), "cannot open a socket");
    std::map<std::string, int> answers;
    for (int i = 0; i < times; ++i) {
        lab::check(::sendto(socket.get(), "?", 1, 0, to.get(), to.size), "cannot send");
        ++answers[receive(socket.get())];
    }
    return answers;
}

Conversation::Conversation(lab::Host& client, const std::string& vip)
    : socket_(connected(client, vip, Talk::tcp)) {
    if (!socket_) return;
    const linger reset{.l_onoff = 1, .l_linger = 0};
    lab::check(setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset), "SO_LINGER");
    receive(socket_.get());  // the greeting
}

std::string Conversation::ask() {
    if (!socket_ || ::send(socket_.get(), "?", 1, MSG_NOSIGNAL) != 1) return "";
    return receive(socket_.get());
}

}  // namespace weir::vm
