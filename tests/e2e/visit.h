// Servers, and what a client asks of them through a VIP to see that the way there and back carries it.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <vector>

#include "lab/nginx.h"
#include "tests/e2e/udp.h"

namespace weir::e2e {

/// nginx, and UDP on the same ports; both answer with the host's name.
class NamedServer {
  public:
    /// `addresses` are for UDP, where an answer has to come from the one that was asked, written as in an
    /// endpoint; nginx is on every one. `/big` is of `megabytes`.
    NamedServer(lab::Host& host, const std::vector<std::string>& addresses,
                const std::vector<unsigned>& ports, unsigned megabytes);

  private:
    lab::Nginx nginx_;
    std::deque<UdpEcho> echoes_;
};

/// Waits until requests to `vip`, an endpoint, are answered by each of the servers and by nobody else; then
/// downloads
/// `/big` and sends datagrams, of which each server has to get some, a flow's to one.
testing::AssertionResult visit(lab::Host& client, const std::string& vip,
                               const std::vector<std::string>& servers, unsigned megabytes);

}  // namespace weir::e2e
