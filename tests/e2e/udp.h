// UDP in the lab: a server that says who it is, and clients that ask, one flow each.
#pragma once

#include <optional>
#include <string>
#include <thread>

#include "base/unique_fd.h"
#include "lab/host.h"
#include "net/ip.h"

namespace weir::e2e {

/// Answers every datagram to `address` with `name`, from `address`.
class UdpEcho {
  public:
    UdpEcho(lab::Host& host, const net::Endpoint& address, std::string name);

  private:
    UniqueFd socket_;
    std::jthread thread_;  // last: it ends before the socket
};

class UdpFlow {
  public:
    UdpFlow(lab::Host& from, const net::Endpoint& to);
    /// Sends one datagram; who answers, or nothing after a while.
    std::optional<std::string> ask();

  private:
    UniqueFd socket_;
};

}  // namespace weir::e2e
