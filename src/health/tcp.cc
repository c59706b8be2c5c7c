// The TCP check: the three-way handshake is all it asks for. Nothing is sent, so it suits every protocol on
// top.
#include <boost/asio/error.hpp>

#include "health/kinds.h"

namespace weir::health {

boost::asio::awaitable<Verdict> run(const model::TcpCheck&, const net::Endpoint&, Connection& connection) {
    auto code = co_await connection.connect();
    if (!code) co_return Verdict{true, "L4OK"};
    if (code == boost::asio::error::timed_out) co_return Verdict{false, "L4TOUT"};
    co_return Verdict{false, "L4CON: " + text_of(code)};
}

}  // namespace weir::health
