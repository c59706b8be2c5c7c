// A client's TCP connections to a server of bench/proxy_backend.h, or to a proxy before it. All are made in
// the caller's network namespace and driven by the caller's thread. A connection that is refused or breaks
// throws lab::Failure, and so does a time in which nothing comes.
#pragma once

#include <vector>

#include "base/unique_fd.h"
#include "bench/watch.h"
#include "net/ip.h"

namespace weir::bench {

inline constexpr size_t kExchanged = 64;  // bytes, each way

struct Bulk {
    double gbits = 0;  // a second
    double cost = 0;   // seconds of processor time for each GB (1e9 bytes)
};

/// Takes what comes on so many connections. `cost`: as of Meter.
Bulk pull(const net::Endpoint& from, size_t streams, const Span& span, std::function<double()> cost);

/// Connections a second, so many at once: each is made, asks once, is answered and closed.
double connect_again(const net::Endpoint& to, size_t at_once, const Span& span);

struct Exchanges {
    double per_second = 0;
    double p50 = 0, p99 = 0;  // µs
};

/// Asks on so many connections, on each again when it is answered.
Exchanges exchange(const net::Endpoint& with, size_t connections, const Span& span);

/// Connections that have asked once, were answered, and stay.
std::vector<UniqueFd> connect_idle(const net::Endpoint& to, size_t connections);

}  // namespace weir::bench
