#include "engine/proxy/tcp_socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace weir::engine::proxy {
namespace {

constexpr int kBacklog = 65535;         // the kernel takes net.core.somaxconn if that is less
constexpr int kFastOpenBacklog = 1024;  // of those whose SYN brought bytes

bool set(int socket, int level, int option, int value) {
    return ::setsockopt(socket, level, option, &value, sizeof value) == 0;
}

void set_common(int socket, const model::Proxy& settings) {
    set(socket, IPPROTO_TCP, TCP_NODELAY, 1);
    const auto seconds = static_cast<int>(std::clamp<int64_t>(settings.keepalive.count(), 0, 32767));
    if (seconds == 0) return;
    set(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
    set(socket, IPPROTO_TCP, TCP_KEEPIDLE, seconds);
    set(socket, IPPROTO_TCP, TCP_KEEPINTVL, std::clamp(seconds / 3, 1, 75));
}

bool bind_transparently(int socket, const net::Ip& from) {
    if (from.is_v4() ? !set(socket, IPPROTO_IP, IP_TRANSPARENT, 1)
                     : !set(socket, IPPROTO_IPV6, IPV6_TRANSPARENT, 1))
        return false;
    set(socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);  // the port is chosen when the backend is known
    auto address = net::to_socket_address({from, net::Port(0)});
    return ::bind(socket, address.get(), address.size) == 0;
}

}  // namespace

Result<UniqueFd> listen_tcp(const net::Endpoint& at, const model::Proxy& settings) {
    auto address = net::to_socket_address(at);
    UniqueFd socket(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket) return fail_with(errno, "no socket to listen on {}", at.text());
    const bool is_set = set(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1) &&
                        set(socket.get(), SOL_SOCKET, SO_REUSEPORT, 1) &&
                        (at.address.is_v4() ? set(socket.get(), IPPROTO_IP, IP_FREEBIND, 1)
                                            : set(socket.get(), IPPROTO_IPV6, IPV6_FREEBIND, 1) &&
                                                  set(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1));
    if (!is_set) return fail_with(errno, "a socket that listens on {} cannot be set up", at.text());
    set_accepted(socket.get(), settings);
    if (::bind(socket.get(), address.get(), address.size) != 0 || ::listen(socket.get(), kBacklog) != 0)
        return fail_with(errno, "cannot listen on {}/tcp; does another program?", at.text());
    return socket;
}

void set_accepted(int listener, const model::Proxy& settings) {
    set(listener, SOL_SOCKET, SO_KEEPALIVE, 0);
    set_common(listener, settings);
    set(listener, IPPROTO_TCP, TCP_FASTOPEN, settings.fast_open ? kFastOpenBacklog : 0);
}

Call call_tcp(const net::Endpoint& backend, const model::Proxy& settings, const std::optional<net::Ip>& from,
              std::span<const uint8_t> first) {
    auto address = net::to_socket_address(backend);
    Call call{
        .fd = UniqueFd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0))};
    if (!call.fd) {
        call.error = errno;
        return call;
    }
    set_common(call.fd.get(), settings);
    if (from && !bind_transparently(call.fd.get(), *from)) {
        call.error = errno;
        return call;
    }
    if (!first.empty()) set(call.fd.get(), IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
    if (::connect(call.fd.get(), address.get(), address.size) != 0) {
        call.error = errno == EINPROGRESS ? 0 : errno;
        return call;
    }
    if (first.empty()) return call;
    const ssize_t sent = ::send(call.fd.get(), first.data(), first.size(), MSG_NOSIGNAL);
    if (sent >= 0)
        call.early = static_cast<size_t>(sent);
    else if (errno != EINPROGRESS && errno != EAGAIN)
        call.error = errno;
    return call;
}

void reset(UniqueFd& socket) {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    if (socket) ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    socket.reset();
}

std::optional<net::Endpoint> local_endpoint(int socket) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (::getsockname(socket, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return std::nullopt;
    auto endpoint = net::from_socket_address(storage);
    if (!endpoint) return std::nullopt;
    return *endpoint;
}

bool is_out_of_resources(int error) {
    return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS || error == ENOSPC;
}

}  // namespace weir::engine::proxy
