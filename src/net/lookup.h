// A host's addresses, by the system's resolver. That blocks, for as long as its servers are silent, so it
// runs in a thread of its own: one that nobody waits for, not even the end of the daemon.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "net/ip.h"

namespace weir::net {

/// Of one host; asked for one at a time.
class Lookup {
  public:
    Lookup(std::string host, Port port) : host_(std::move(host)), port_(port) {}

    /// At least one; in the resolver's order. An address as host needs no resolver. Fails at the deadline;
    /// and at once, where a former question is still unanswered then.
    boost::asio::awaitable<Result<std::vector<Endpoint>>> run(Clock& clock, Clock::Time deadline);

  private:
    struct Question;

    std::string host_;
    Port port_;
    std::weak_ptr<Question> asked_;  // the thread has it until it is answered
};

}  // namespace weir::net
