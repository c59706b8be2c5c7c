// A server as the configuration names it: a host, which is a name or an address, and a port.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "net/ip.h"

namespace weir::discovery {

struct HostPort {
    std::string host;  // an IPv6 address without its brackets
    net::Port port;

    /// `redis.example.org:6379`, `10.0.0.1:6379` or `[2001:db8::1]:6379`.
    static Result<HostPort> parse(std::string_view text);
    std::string text() const;

    auto operator<=>(const HostPort&) const = default;
};

}  // namespace weir::discovery
