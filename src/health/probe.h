// A probe: one execution of a check against one target, through the datapath's own way.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <string>

#include "base/clock.h"
#include "model/plan.h"
#include "net/passage.h"

namespace weir::health {

struct Outcome {
    bool ok = false;
    std::string message;  // a code as operators know it (L4OK, L4CON, L4TOUT, L7OK/200, L7STS/503, L7TOUT,
                          // L7RSP) and details
    std::chrono::microseconds latency{0};
    std::chrono::system_clock::time_point at;
    std::string expiring{};  // which certificate of the server's ends soon, and when; "" if none does

    bool operator==(const Outcome&) const = default;
};

/// Opens the ways that probes take; the engine's in the daemon, a plain socket in tests.
class Path {
  public:
    virtual ~Path() = default;
    /// Echoes go to no port. A passage of a cancelled probe ends with the executor's next turn: what undoes
    /// it may run after the path is gone.
    virtual net::Opened open(const model::TargetKey& target, net::Carrier carrier, net::Port port) = 0;
};

/// Runs the check once: to the VIP on the target's backend, at the check's port or the frontend's. Ends
/// within check.timeout. Fails where it did not come to a probe, for want of something on this host: that is
/// not the backend's fault. Throws only when cancelled (system_error, operation_aborted). The references
/// outlive it.
boost::asio::awaitable<Result<Outcome>> probe(const model::Check& check, const model::TargetKey& target,
                                              Path& path, Clock& clock);

}  // namespace weir::health
