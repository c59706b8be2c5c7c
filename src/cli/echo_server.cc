#include "cli/echo_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>
#include <csignal>
#include <memory>

#include "net/answer.h"

namespace weir::cli {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Socket = asio::generic::stream_protocol::socket;
using Descriptor = asio::posix::stream_descriptor;

constexpr int kBacklog = 4096;
constexpr auto kNoRoom = std::chrono::milliseconds(100);  // for descriptors to come back
constexpr size_t kAtOnce = 64;                            // datagrams, before others have their turn

/// The ends of a connection may come in any order, with or without an error: what was read is sent back,
/// then the end is.
asio::awaitable<void> echo(Socket socket) {
    std::array<char, 16384> buffer;
    for (;;) {
        auto [ended, size] = co_await socket.async_read_some(asio::buffer(buffer), net::kAnswer);
        if (ended) break;
        auto [gone, sent] = co_await asio::async_write(socket, asio::buffer(buffer, size), net::kAnswer);
        if (gone) break;
    }
    error_code ignored;
    socket.shutdown(Socket::shutdown_send, ignored);
}

asio::awaitable<void> accept(UniqueFd fd) {
    auto executor = co_await asio::this_coro::executor;
    Descriptor listening(executor, fd.release());
    asio::steady_timer pause(executor);
    for (;;) {
        auto [stopped] = co_await listening.async_wait(Descriptor::wait_read, net::kAnswer);
        if (stopped) co_return;
        UniqueFd peer(::accept4(listening.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!peer) {
            if (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR) continue;
            pause.expires_after(kNoRoom);  // no descriptors: to try again at once would only spin
            co_await pause.async_wait(net::kAnswer);
            continue;
        }
        int on = 1;
        ::setsockopt(peer.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        Socket socket(executor);
        error_code failed;
        socket.assign(asio::generic::stream_protocol(AF_INET, IPPROTO_TCP), peer.get(), failed);
        if (failed) continue;
        peer.release();
        asio::co_spawn(executor, echo(std::move(socket)), asio::detached);
    }
}

/// From the address that the datagram was sent to. One that the kernel has no room for is lost, as in any
/// network. False when there are no more for now.
bool echo_datagram(int fd, std::span<char> buffer) {
    sockaddr_storage from{};
    alignas(cmsghdr) std::array<char, 256> control{};
    iovec part{.iov_base = buffer.data(), .iov_len = buffer.size()};
    msghdr message{.msg_name = &from,
                   .msg_namelen = sizeof from,
                   .msg_iov = &part,
                   .msg_iovlen = 1,
                   .msg_control = control.data(),
                   .msg_controllen = control.size(),
                   .msg_flags = 0};
    auto size = ::recvmsg(fd, &message, MSG_DONTWAIT);
    if (size < 0) return errno == EINTR || errno == ECONNREFUSED;
    part.iov_len = static_cast<size_t>(size);
    ::sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    return true;
}

asio::awaitable<void> echo_datagrams(UniqueFd fd) {
    Descriptor socket(co_await asio::this_coro::executor, fd.release());
    auto buffer = std::make_unique<std::array<char, 65536>>();
    for (;;) {
        auto [stopped] = co_await socket.async_wait(Descriptor::wait_read, net::kAnswer);
        if (stopped) co_return;
        for (size_t i = 0; i < kAtOnce && echo_datagram(socket.native_handle(), *buffer); ++i) continue;
    }
}

bool set(int fd, int level, int name) {
    int on = 1;
    return ::setsockopt(fd, level, name, &on, sizeof on) == 0;
}

/// The kernel says with each datagram where it was sent to.
bool wants_destinations(int fd, net::Family family) {
    return family == net::Family::v4 ? set(fd, IPPROTO_IP, IP_PKTINFO)
                                     : set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO);
}

}  // namespace

Result<UniqueFd> open_echo_socket(const net::Endpoint& endpoint, EchoProtocol protocol, bool shared) {
    auto address = net::to_socket_address(endpoint);
    const bool is_tcp = protocol == EchoProtocol::tcp;
    const int type = (is_tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
    UniqueFd fd(::socket(address.get()->sa_family, type, 0));
    if (!fd) return fail_with(errno, "cannot open a socket for {}", endpoint.text());
    bool set_up = is_tcp ? set(fd.get(), SOL_SOCKET, SO_REUSEADDR)
                         : wants_destinations(fd.get(), endpoint.address.family());
    if (!endpoint.address.is_v4()) set_up = set_up && set(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY);
    if (shared) set_up = set_up && set(fd.get(), SOL_SOCKET, SO_REUSEPORT);
    if (!set_up || ::bind(fd.get(), address.get(), address.size) != 0 ||
        (is_tcp && ::listen(fd.get(), kBacklog) != 0))
        return fail_with(errno, "cannot serve {}", endpoint.text());
    return fd;
}

void serve_echo(std::vector<UniqueFd> sockets, EchoProtocol protocol) {
    asio::io_context context{1};
    asio::signal_set signals(context, SIGTERM, SIGINT);
    signals.async_wait([&](auto, int) { context.stop(); });
    for (auto& socket : sockets)
        asio::co_spawn(
            context,
            protocol == EchoProtocol::tcp ? accept(std::move(socket)) : echo_datagrams(std::move(socket)),
            asio::detached);
    context.run();
}

}  // namespace weir::cli
