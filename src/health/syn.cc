// The half-open TCP check, after HAProxy's: SYN, SYN-ACK, RST. The kernel is told not to hurry with the ACK,
// and the connection is closed by RST as soon as the SYN-ACK is there, so the backend's server never sees it:
// it has nothing to accept, to log or to clean up. Only where the daemon does not get to run for 200 ms the
// ACK goes out first.
#include "health/kinds.h"

namespace weir::health {

boost::asio::awaitable<Verdict> run(const model::SynCheck&, const Errand& errand) {
    auto connection = co_await dial(errand, Handshake::half);
    if (!connection) co_return connection.error();
    co_return Verdict{true, "L4OK"};
}

}  // namespace weir::health
