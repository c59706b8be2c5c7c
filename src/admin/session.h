// One connection to the server: its requests and their answers, over TLS or not.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <list>
#include <memory>

#include "admin/gate.h"
#include "admin/server.h"

namespace weir::admin {

using Connection = boost::asio::generic::stream_protocol::socket;

/// What the server and its sessions share. Its last session may outlive it.
struct Sessions {
    boost::asio::any_io_executor executor;
    boost::asio::any_io_executor worker;
    Clock& clock;
    Handler handler;  // empty when the server is gone: then sessions end
    Limits limits;
    Gate gate;
    std::shared_ptr<boost::asio::ssl::context> tls{};  // empty: TCP goes without
    std::list<Connection*> open{};
};

/// Ends when the client has gone, is too slow, or has to go. Throws nothing.
boost::asio::awaitable<void> serve(std::shared_ptr<Sessions> all, Connection connection, Peer peer);

}  // namespace weir::admin
