// Sends back what it gets, for tests and measurements. Its memory is a buffer a connection; whoever does not
// read is not read from.
#pragma once

#include <vector>

#include "base/unique_fd.h"
#include "net/ip.h"

namespace weir::cli {

enum class EchoProtocol : uint8_t { tcp, udp };

/// A socket that serves the address. `shared`: others in this process have it, too (SO_REUSEPORT).
Result<UniqueFd> open_echo_socket(const net::Endpoint& endpoint, EchoProtocol protocol, bool shared);

/// On these sockets, in the calling thread, until SIGTERM or SIGINT.
void serve_echo(std::vector<UniqueFd> sockets, EchoProtocol protocol);

}  // namespace weir::cli
