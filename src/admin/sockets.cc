#include "admin/sockets.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>

namespace weir::admin {
namespace {

constexpr int kBacklog = 64;

/// An IPv6 socket that takes IPv4 too has its peers as ::ffff:192.0.2.1.
net::Ip unmapped(const net::Ip& address) {
    constexpr std::array<uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    auto bytes = address.bytes();
    if (address.is_v4() || !std::ranges::equal(bytes.first(kMapped.size()), kMapped)) return address;
    return net::Ip::v4({bytes[12], bytes[13], bytes[14], bytes[15]});
}

/// Removes what a daemon that is gone has left at the path.
Status clear(const std::string& path, const sockaddr_un& address) {
    struct stat found{};
    if (::lstat(path.c_str(), &found) != 0) return {};
    if (!S_ISSOCK(found.st_mode))
        return fail("{} is there and is no socket; remove it or use --socket", path);
    UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!probe) return fail_with(errno, "cannot open a unix socket");
    if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0)
        return fail("another daemon listens at {}; stop it or use --socket", path);
    if (errno != ECONNREFUSED) return fail_with(errno, "cannot tell who listens at {}", path);
    if (::unlink(path.c_str()) != 0) return fail_with(errno, "cannot remove the stale socket {}", path);
    return {};
}

}  // namespace

Result<sockaddr_un> unix_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof(address.sun_path))
        return fail("the socket's path must have 1 to {} characters: '{}'", sizeof(address.sun_path) - 1,
                    path);
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

Result<UnixListener> UnixListener::adopt(UniqueFd socket, const std::string& path) {
    struct stat found{};
    if (::stat(path.c_str(), &found) != 0) return fail_with(errno, "the socket {} has gone", path);
    return UnixListener(std::move(socket), path, found.st_ino);
}

Result<UnixListener> UnixListener::open(const std::string& path) {
    auto address = unix_address(path);
    if (!address) return propagate(address);
    std::error_code code;
    auto folder = std::filesystem::path(path).parent_path();
    if (!folder.empty() && !std::filesystem::exists(folder, code))
        if (!std::filesystem::create_directories(folder, code) && code)
            return fail("cannot make {}: {}", folder.string(), code.message());
    if (auto cleared = clear(path, *address); !cleared) return propagate(cleared);
    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return fail_with(errno, "cannot open a unix socket");
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof(*address)) != 0)
        return fail_with(errno, "cannot bind {}", path);
    // Nobody can connect before listen(), so nobody gets in before the mode is right.
    struct stat made{};
    if (::chmod(path.c_str(), 0600) != 0 || ::stat(path.c_str(), &made) != 0)
        return fail_with(errno, "cannot set the mode of {}", path);
    if (::listen(socket.get(), kBacklog) != 0) return fail_with(errno, "cannot listen at {}", path);
    return UnixListener(std::move(socket), path, made.st_ino);
}

UnixListener::~UnixListener() {
    struct stat there{};
    if (!path_.empty() && ::lstat(path_.c_str(), &there) == 0 && there.st_ino == inode_)
        ::unlink(path_.c_str());
}

Result<UniqueFd> listen_tcp(const net::Endpoint& endpoint) {
    auto address = net::to_socket_address(endpoint);
    UniqueFd socket(::socket(address.get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return fail_with(errno, "cannot open a TCP socket");
    int on = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (::bind(socket.get(), address.get(), address.size) != 0 || ::listen(socket.get(), kBacklog) != 0)
        return fail_with(errno, "cannot listen on {}", endpoint.text());
    return socket;
}

Result<int> listening_family(const UniqueFd& socket) {
    int family = 0;
    int listens = 0;
    socklen_t size = sizeof(int);
    if (::getsockopt(socket.get(), SOL_SOCKET, SO_DOMAIN, &family, &size) != 0 ||
        ::getsockopt(socket.get(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0)
        return fail_with(errno, "descriptor {} is no socket", socket.get());
    if (!listens) return fail("socket {} does not listen", socket.get());
    if (family != AF_UNIX && family != AF_INET && family != AF_INET6)
        return fail("socket {} is neither a unix nor a TCP socket", socket.get());
    return family;
}

Result<net::Endpoint> bound_to(const UniqueFd& socket) {
    sockaddr_storage storage{};
    socklen_t size = sizeof(storage);
    if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&storage), &size) != 0)
        return fail_with(errno, "cannot tell a socket's address");
    return net::from_socket_address(storage);
}

Peer peer_of(int socket) {
    sockaddr_storage storage{};
    socklen_t size = sizeof(storage);
    if (::getpeername(socket, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return {};
    if (storage.ss_family != AF_UNIX) {
        auto endpoint = net::from_socket_address(storage);
        if (!endpoint) return {};
        return {.address = unmapped(endpoint->address)};
    }
    ucred peer{};
    size = sizeof(peer);
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return {};
    return {.user = peer.uid};
}

std::string name_of(const Peer& peer) {
    if (peer.address) return peer.address->text();
    if (!peer.user) return "unknown";
    passwd entry{};
    passwd* found = nullptr;
    char text[4096];
    if (::getpwuid_r(*peer.user, &entry, text, sizeof text, &found) == 0 && found) return found->pw_name;
    return fmt::format("uid {}", *peer.user);
}

std::vector<UniqueFd> inherited_sockets() {
    std::vector<UniqueFd> sockets;
    int count = ::sd_listen_fds(1);  // also takes the variables out of the environment
    sockets.reserve(static_cast<size_t>(std::max(count, 0)));
    for (int i = 0; i < count; ++i) sockets.emplace_back(SD_LISTEN_FDS_START + i);
    return sockets;
}

}  // namespace weir::admin
