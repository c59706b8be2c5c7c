#include "lab/tcp.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lab/failure.h"

namespace weir::lab {
namespace {

using Clock = std::chrono::steady_clock;

UniqueFd open_socket(int family) {
    return UniqueFd(
        check(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "cannot open a socket"));
}

/// False when the deadline has passed.
bool ready(const UniqueFd& socket, short events, Clock::time_point deadline) {
    for (;;) {
        const auto left = std::chrono::ceil<Duration>(deadline - Clock::now());
        pollfd watch{socket.get(), events, 0};
        if (left <= 0ms) return false;
        if (::poll(&watch, 1, static_cast<int>(left.count())) > 0) return true;
        throw_if_interrupted();
    }
}

Result<UniqueFd> connect_before(Host& host, const net::Endpoint& endpoint, Clock::time_point deadline) {
    const net::SocketAddress address = net::to_socket_address(endpoint);
    UniqueFd socket = host.run([&] { return open_socket(address.storage.ss_family); });
    if (::connect(socket.get(), address.get(), address.size) == 0) return socket;
    if (errno != EINPROGRESS)
        return fail_with(errno, "{}: cannot connect to {}", host.name(), endpoint.text());
    if (!ready(socket, POLLOUT, deadline)) return fail("{}: no answer from {}", host.name(), endpoint.text());
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) return fail_with(error, "{}: cannot connect to {}", host.name(), endpoint.text());
    return socket;
}

/// All that comes until the peer closes.
Result<std::string> read_all(const UniqueFd& socket, Clock::time_point deadline) {
    std::string all;
    char piece[16384];
    for (;;) {
        const ssize_t got = ::recv(socket.get(), piece, sizeof piece, 0);
        if (got == 0) return all;
        if (got > 0) {
            all.append(piece, static_cast<size_t>(got));
        } else if (errno != EAGAIN) {
            return fail_with(errno, "cannot read");
        } else if (!ready(socket, POLLIN, deadline)) {
            return fail("the answer did not end");
        }
    }
}

Result<std::string> ask(const UniqueFd& socket, const std::string& host, const std::string& path,
                        Clock::time_point deadline) {
    const std::string request =
        fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", path, host);
    if (::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(request.size()))
        return fail_with(errno, "cannot send");
    Result<std::string> answer = read_all(socket, deadline);
    if (!answer) return answer;
    return body_of(*answer);
}

}  // namespace

UniqueFd listen_tcp(const net::Endpoint& endpoint) {
    const net::SocketAddress address = net::to_socket_address(endpoint);
    UniqueFd socket = open_socket(address.storage.ss_family);
    const int on = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    check(::bind(socket.get(), address.get(), address.size), "cannot bind {}", endpoint.text());
    check(::listen(socket.get(), 512), "cannot listen on {}", endpoint.text());
    return socket;
}

UniqueFd listen_tcp(Host& host, const net::Endpoint& endpoint) {
    return host.run([&] { return listen_tcp(endpoint); });
}

Result<UniqueFd> connect_tcp(Host& host, const net::Endpoint& endpoint, Duration limit) {
    return connect_before(host, endpoint, Clock::now() + limit);
}

Result<std::string> http_get(Host& host, const net::Endpoint& endpoint, const std::string& path,
                             Duration limit) {
    const auto deadline = Clock::now() + limit;
    Result<UniqueFd> socket = connect_before(host, endpoint, deadline);
    if (!socket) return propagate(socket);
    Result<std::string> body = ask(*socket, endpoint.text(), path, deadline);
    if (!body) return propagate(body, endpoint.text());
    return body;
}

Result<std::string> http_get(const std::string& socket_path, const std::string& path, Duration limit) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socket_path.copy(address.sun_path, sizeof address.sun_path - 1);
    UniqueFd socket = open_socket(AF_UNIX);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
        return fail_with(errno, "cannot connect to {}", socket_path);
    Result<std::string> body = ask(socket, "localhost", path, Clock::now() + limit);
    if (!body) return propagate(body, socket_path);
    return body;
}

Result<std::string> body_of(const std::string& answer) {
    if (!answer.starts_with("HTTP/1.1 200 "))
        return fail("answered '{}'", answer.substr(0, answer.find('\r')));
    const size_t body = answer.find("\r\n\r\n");
    if (body == std::string::npos) return fail("answered without an end of the header");
    return answer.substr(body + 4);
}

net::Endpoint endpoint(std::string_view text) {
    return must(net::Endpoint::parse(text));
}

}  // namespace weir::lab
