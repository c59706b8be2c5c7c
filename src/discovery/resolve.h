// The addresses of a server that a source asks, from its name, as the system knows it: hosts(5),
// resolv.conf(5).
#pragma once

#include <boost/asio/awaitable.hpp>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "net/ip.h"

namespace weir::discovery {

/// A server's place as it stands in the configuration: `gmond.example.org:8649`, `[2001:db8::1]:8649`.
struct HostPort {
    std::string host;
    net::Port port{1};

    static Result<HostPort> parse(std::string_view text);
};

/// In the order in which they are to be tried; at least one. An address stands for itself. Without blocking,
/// and in bounded time.
boost::asio::awaitable<Result<std::vector<net::Endpoint>>> resolve(HostPort server, Clock& clock);

}  // namespace weir::discovery
