// A client's UDP sessions (a socket each) with a server of bench/proxy_backend.h, or with a proxy before it:
// 64 bytes a datagram. As bench/stream_load.h has it: the caller's network namespace, the caller's thread,
// lab::Failure.
#pragma once

#include "bench/watch.h"
#include "net/ip.h"

namespace weir::bench {

/// As many as can be sent, by bursts of each session in turn; those a second that arrive. `arrived`: at the
/// server, up to now.
double flood(const net::Endpoint& to, size_t sessions, const Span& span,
             const std::function<uint64_t()>& arrived);

struct DatagramExchanges {
    double per_second = 0;
    double lost = 0;  // a share of those that were asked
};

/// Asks in so many sessions, in each again when it is answered, or after a while of no answer.
DatagramExchanges exchange_datagrams(const net::Endpoint& with, size_t sessions, const Span& span);

}  // namespace weir::bench
