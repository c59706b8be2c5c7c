#include "proto/sp_link.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/un.h>

#include <boost/asio/read.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>
#include <cstring>

#include "net/answer.h"

namespace weir::proto::sp {

namespace asio = boost::asio;

namespace {

using boost::system::error_code;
using net::SocketAddress, net::to_socket_address;

constexpr int kBacklog = 1024;

void set(int fd, int level, int name, int value) {
    ::setsockopt(fd, level, name, &value, sizeof value);  // what the kernel lacks, it does without
}

/// Before it is connected: the window that the other side is told of cannot shrink afterwards. The kernel
/// takes the least that it knows for what is less.
void tune_before(int fd, Transport transport, Role self) {
    if (transport != Transport::tcp || self != Role::pull) return;
    set(fd, SOL_SOCKET, SO_RCVBUF, 1);
    set(fd, IPPROTO_TCP, TCP_WINDOW_CLAMP, 1);
}

void tune_connected(int fd, Transport transport, Role self) {
    if (transport == Transport::ipc) {
        if (self == Role::push) set(fd, SOL_SOCKET, SO_SNDBUF, 1);
        return;
    }
    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);  // who is gone without a word is noticed within 25 s
    set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 10);
    set(fd, IPPROTO_TCP, TCP_KEEPINTVL, 5);
    set(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
    // Writable is what has sent all that was written: the next token is chosen no sooner.
    if (self == Role::push) set(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, 1);
}

SocketAddress address_of(const std::string& path) {
    SocketAddress address;
    sockaddr_un unix_address{};
    unix_address.sun_family = AF_UNIX;
    std::memcpy(unix_address.sun_path, path.data(), path.size());
    std::memcpy(&address.storage, &unix_address, sizeof unix_address);
    address.size = sizeof unix_address;
    return address;
}

/// Where to listen, the best first.
Result<std::vector<SocketAddress>> listen_addresses(const Url& url) {
    if (url.transport == Transport::ipc) return std::vector{address_of(url.path)};
    if (url.host == "*")
        return std::vector{to_socket_address({net::Ip::v6({}), url.port}),
                           to_socket_address({net::Ip::v4({}), url.port})};
    auto address = net::Ip::parse(url.host);
    if (!address)
        return fail("cannot listen at {}; write an address of this host, or * for all of them", url.text());
    return std::vector{to_socket_address({*address, url.port})};
}

bool is_left_over(const SocketAddress& address) {
    UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    return probe && ::connect(probe.get(), address.get(), address.size) != 0 && errno == ECONNREFUSED;
}

Result<UniqueFd> listen_at(const SocketAddress& address, const Url& url) {
    UniqueFd fd(::socket(address.get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return fail_with(errno, "cannot open a socket for {}", url.text());
    set(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    if (address.get()->sa_family == AF_INET6) set(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, url.host != "*");
    if (url.transport == Transport::ipc && is_left_over(address)) ::unlink(url.path.c_str());
    if (::bind(fd.get(), address.get(), address.size) != 0 || ::listen(fd.get(), kBacklog) != 0)
        return fail_with(errno, "cannot listen at {}", url.text());
    return fd;
}

}  // namespace

Result<UniqueFd> listen(const Url& url) {
    auto addresses = listen_addresses(url);
    if (!addresses) return propagate(addresses);
    Result<UniqueFd> listening;
    for (const auto& address : *addresses)
        if (listening = listen_at(address, url); listening) break;
    return listening;
}

Result<std::optional<Socket>> accept(int listening, const Url& url, Role self,
                                     const asio::any_io_executor& executor) {
    UniqueFd fd(::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) {
        if (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR || errno == EPROTO)
            return std::nullopt;
        return fail_with(errno, "cannot take a connection at {}", url.text());
    }
    tune_connected(fd.get(), url.transport, self);
    int family = url.transport == Transport::ipc ? AF_UNIX : AF_INET6;  // of both, the socket knows better
    Socket socket(executor);
    error_code code;
    socket.assign(asio::generic::stream_protocol(family, 0), fd.get(), code);
    if (code) return fail("cannot use a connection at {}: {}", url.text(), code.message());
    fd.release();
    return socket;
}

asio::awaitable<Status> greet(Socket& socket, Role self, Clock& clock, Clock::Time deadline) {
    bool late = false;
    auto alarm = clock.at(deadline, [&] {
        late = true;
        error_code ignored;
        socket.close(ignored);
    });
    auto greeting = greeting_of(self);
    auto [unsaid, sent] = co_await asio::async_write(socket, asio::buffer(greeting), net::kAnswer);
    if (!unsaid) {
        auto [unheard, got] = co_await asio::async_read(socket, asio::buffer(greeting), net::kAnswer);
        if (!unheard) co_return check_greeting(greeting, self);
        unsaid = unheard;
    }
    if (late) co_return fail("it does not say who it is");
    co_return fail("it closes the connection before it has said who it is: {}", unsaid.message());
}

asio::awaitable<Result<Socket>> Dialler::connect(const SocketAddress& address, Clock& clock,
                                                 Clock::Time deadline) {
    Socket socket(co_await asio::this_coro::executor);
    error_code code;
    if (socket.open(asio::generic::stream_protocol(address.get()->sa_family, 0), code); code)
        co_return fail("cannot open a socket: {}", code.message());
    tune_before(socket.native_handle(), url_.transport, self_);
    auto alarm = clock.at(deadline, [&] {
        error_code ignored;
        socket.close(ignored);
    });
    auto [refused] =
        co_await socket.async_connect(Socket::endpoint_type(address.get(), address.size), net::kAnswer);
    if (!socket.is_open()) co_return fail("it does not answer");
    if (refused) co_return fail("{}", refused.message());
    tune_connected(socket.native_handle(), url_.transport, self_);
    co_return socket;
}

asio::awaitable<Result<Socket>> Dialler::dial(Clock& clock, Clock::Time deadline) {
    std::vector<SocketAddress> addresses;
    if (url_.transport == Transport::ipc) {
        addresses.push_back(address_of(url_.path));
    } else {
        auto found = co_await lookup_.run(clock, deadline);
        if (!found) co_return propagate(found);
        for (const auto& endpoint : *found) addresses.push_back(to_socket_address(endpoint));
    }
    Result<Socket> socket = fail("nobody to connect to");
    for (const auto& address : addresses) {
        socket = co_await connect(address, clock, deadline);
        if (!socket) continue;
        if (auto known = co_await greet(*socket, self_, clock, deadline); known)
            break;
        else
            socket = propagate(known);
    }
    if (!socket) co_return propagate(socket, url_.text());
    co_return socket;
}

}  // namespace weir::proto::sp
