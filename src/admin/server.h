// The HTTP server: on a unix socket, on TCP with TLS or without, and on listening sockets that were handed
// over. It bounds what a client can use up: connections, bytes and time; who gets in the gate decides
// (gate.h). What is answered is the handler's matter. One thread, and another to render.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admin/gate.h"
#include "admin/handed.h"
#include "base/clock.h"
#include "net/ip.h"

namespace weir::admin {

struct Limits {
    size_t connections = 64;         // on each listening socket; the newest above it is closed at once
    size_t client_connections = 16;  // of them, by TCP: nobody may have them all
    size_t header_bytes = size_t{16} * 1024;
    size_t body_bytes = size_t{1024} * 1024;
    std::chrono::milliseconds request_time{10'000};  // from the first wait to a request's last byte
    std::chrono::milliseconds answer_time{30'000};
    std::chrono::milliseconds handshake_time{5'000};
    std::chrono::milliseconds farewell_time{1'000};
};

class Server {
  public:
    /// The clock, the executor's, outlives the server and its sessions.
    Server(boost::asio::any_io_executor executor, Clock& clock, Handler handler, Limits limits = {},
           const Rates& rates = {});
    /// Closes every socket; a unix socket's file goes too.
    ~Server();

    /// The certificate and the tokens of TCP, for connections and requests from now on; call it before the
    /// functions below. Without both nobody is served beyond loopback.
    Status protect(const model::Admin& admin);

    /// Mode 0600. The folder is made if it is missing. A socket file that nobody listens on is replaced.
    Status listen_unix(const std::string& path);

    /// Replaces the address that was listened on before; none: no TCP, but for sockets that were handed over.
    Status listen_tcp(const std::optional<net::Endpoint>& endpoint);

    /// Serves a listening socket that somebody else has bound. `path`: of the unix socket's file.
    Status adopt(Handed handed, const std::string& path);

    /// Gives up every listening socket: whoever connects waits until another server takes them. Connections
    /// that there are go on.
    std::vector<Handed> hand_over();

    /// What was not served. On the executor's thread.
    const Tally& tally() const;

  private:
    class State;
    std::shared_ptr<State> state_;  // shared with the sessions, which find it closed when the server is gone
    struct Worker;
    std::unique_ptr<Worker> worker_;
};

}  // namespace weir::admin
