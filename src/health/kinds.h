// What each kind of check does on the connection that probe() made for it: one source file a kind.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>

#include "health/connection.h"
#include "model/config.h"
#include "net/ip.h"

namespace weir::health {

struct Verdict {
    bool ok = false;
    std::string message;  // as Outcome's
};

/// Connects; L4OK, L4CON or L4TOUT. The other kinds begin with it.
boost::asio::awaitable<Verdict> run(const model::TcpCheck& check, const net::Endpoint& vip,
                                    Connection& connection);

/// Connects and asks for the path; `vip` is the Host unless the check names one.
boost::asio::awaitable<Verdict> run(const model::HttpCheck& check, const net::Endpoint& vip,
                                    Connection& connection);

}  // namespace weir::health
