#include "tests/e2e/echo_server.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include "lab/tcp.h"

namespace weir::e2e {
namespace {

/// Waits for input; false once the server stops.
bool readable(const std::stop_token& stop, int fd) {
    while (!stop.stop_requested()) {
        pollfd watch{fd, POLLIN, 0};
        if (poll(&watch, 1, 20) > 0) return true;
    }
    return false;
}

std::string address_of(int fd, int (*name)(int, sockaddr*, socklen_t*)) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    name(fd, reinterpret_cast<sockaddr*>(&storage), &size);
    auto text = net::from_socket_address(storage)->address.text();
    return text.starts_with("::ffff:") ? text.substr(7) : text;
}

bool send_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
}

}  // namespace

EchoServer::EchoServer(lab::Host& host, net::Port port)
    : listening_(lab::listen_tcp(host, {net::Ip::v6({}), port})),
      thread_([this](std::stop_token stop) { accept_all(stop); }) {}

void EchoServer::accept_all(std::stop_token stop) {
    std::vector<std::jthread> connections;
    while (readable(stop, listening_.get())) {
        UniqueFd connection(accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (connection)
            connections.emplace_back([this](std::stop_token end, UniqueFd fd) { serve(end, std::move(fd)); },
                                     std::move(connection));
    }
}

void EchoServer::serve(std::stop_token stop, UniqueFd connection) {
    int fd = connection.get();
    send_all(fd, address_of(fd, getsockname) + " " + address_of(fd, getpeername) + "\n");
    std::vector<char> buffer(64 * 1024);
    while (readable(stop, fd)) {
        ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
        if (got > 0 && send_all(fd, {buffer.data(), static_cast<size_t>(got)})) continue;
        got == 0 ? closes_++ : resets_++;
        return;
    }
}

}  // namespace weir::e2e
