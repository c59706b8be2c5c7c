// A TCP server on a host of the lab, on every address of it: greets with "LOCAL PEER\n", the connection's
// addresses as the server sees them, then sends back what it gets. A thread a connection.
#pragma once

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "lab/host.h"
#include "net/ip.h"

namespace weir::e2e {

class EchoServer {
  public:
    EchoServer(lab::Host& host, net::Port port);

    /// Connections that ended, and how.
    unsigned resets() const { return resets_; }
    unsigned closes() const { return closes_; }

  private:
    void accept_all(std::stop_token stop);
    void serve(std::stop_token stop, UniqueFd connection);

    UniqueFd listening_;
    std::atomic<unsigned> resets_ = 0;
    std::atomic<unsigned> closes_ = 0;
    std::jthread thread_;  // last: it ends before what it uses
};

}  // namespace weir::e2e
