// Listening sockets for the server, made and checked by system calls.
#pragma once

#include <sys/types.h>
#include <sys/un.h>

#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "net/ip.h"

namespace weir::admin {

/// A unix socket that listens, with its file, which it removes unless somebody else has put another there.
class UnixListener {
  public:
    /// Mode 0600. Makes the folder if it is missing. Replaces a socket file that nobody listens on, nothing
    /// else.
    static Result<UnixListener> open(const std::string& path);
    UnixListener(UnixListener&& other) noexcept
        : socket_(std::move(other.socket_)), path_(std::exchange(other.path_, {})), inode_(other.inode_) {}
    ~UnixListener();

    /// Of a listening socket that somebody else has made at the path.
    static Result<UnixListener> adopt(UniqueFd socket, const std::string& path);

    UniqueFd take_socket() { return std::move(socket_); }
    /// The file stays.
    void leave_file() { path_.clear(); }

  private:
    UnixListener(UniqueFd socket, std::string path, ino_t inode)
        : socket_(std::move(socket)), path_(std::move(path)), inode_(inode) {}

    UniqueFd socket_;
    std::string path_;
    ino_t inode_;
};

/// Fails where the path is too long, or empty.
Result<sockaddr_un> unix_address(const std::string& path);

Result<UniqueFd> listen_tcp(const net::Endpoint& endpoint);

/// The address family of a stream socket that listens; an error for any other descriptor.
Result<int> listening_family(const UniqueFd& socket);

/// The TCP address that a socket is bound to.
Result<net::Endpoint> bound_to(const UniqueFd& socket);

/// Who is at the other end, as the kernel knows him. Neither, where he has gone already.
struct Peer {
    std::optional<net::Ip> address{};  // over TCP
    std::optional<uid_t> user{};       // over a unix socket
};
Peer peer_of(int socket);

/// The user's name (or `uid 1000` where he has none), or the address. May have to ask a directory service.
std::string name_of(const Peer& peer);

/// The listening sockets that the service manager handed over (sd_listen_fds(3)); once a process.
std::vector<UniqueFd> inherited_sockets();

}  // namespace weir::admin
