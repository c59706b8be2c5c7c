// One HTTP request and its answer, over a connection that stands, plain or by TLS.
#pragma once

#include "health/kinds.h"

namespace weir::health {

/// `usual_port` is the scheme's: the Host header leaves it out.
boost::asio::awaitable<Verdict> exchange(const model::HttpCheck& check, const net::Endpoint& vip,
                                         uint16_t usual_port, Connection& connection);

}  // namespace weir::health
