// TCP sockets on hosts of the lab, for tests and loads that need no more than a socket. Non-blocking; they
// throw nothing for what the network says.
#pragma once

#include <optional>
#include <string>

#include "base/unique_fd.h"
#include "lab/host.h"
#include "lab/wait.h"
#include "net/ip.h"

namespace weir::lab {

/// A listening socket in the calling thread's network namespace; throws when the address is taken.
UniqueFd listen_tcp(const net::Endpoint& endpoint);
UniqueFd listen_tcp(Host& host, const net::Endpoint& endpoint);

/// A connected socket, or why there is none within `limit`.
Result<UniqueFd> connect_tcp(Host& host, const net::Endpoint& endpoint, Duration limit = 1s);

/// `GET path` over a new connection; the body of a 200, or what went wrong within `limit`.
Result<std::string> http_get(Host& host, const net::Endpoint& endpoint, const std::string& path = "/",
                             Duration limit = 2s);

/// The same over a unix socket.
Result<std::string> http_get(const std::string& socket_path, const std::string& path, Duration limit = 2s);

/// The body of a whole answer with status 200.
Result<std::string> body_of(const std::string& answer);

/// From text such as `10.1.10.10:80`, `[2001:db8::1]:80`; throws when it is none.
net::Endpoint endpoint(std::string_view text);

}  // namespace weir::lab
