// A source that looks again and again: what is common to those that cannot wait for a change.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "discovery/source.h"

namespace weir::discovery {

/// What one look has found, and how long that is good for.
struct Look {
    Set set;
    Clock::Duration next{};
};

class Looker {
  public:
    virtual ~Looker() = default;

    /// Why it fails is said to the listener when it becomes another reason. Ends by itself, in bounded time;
    /// cancelled when the source goes.
    virtual boost::asio::awaitable<Result<Look>> look() = 0;
};

/// Looks now and then; after a failure in a second, and twice as late each further time, up to half a minute.
std::unique_ptr<Source> repeat(const Surroundings& around, std::unique_ptr<Looker> looker,
                               Listener& listener);

}  // namespace weir::discovery
