// What the loads of bench/proxy.cc have in common: who waits for many sockets, and when counting begins and
// ends.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <span>

#include "base/unique_fd.h"

namespace weir::bench {

/// epoll.
class Watch {
  public:
    Watch();
    /// Until the descriptor is closed. `number` comes back with its events.
    void add(int descriptor, uint32_t events, uint64_t number);
    /// What has happened, at most so much later; throws lab::Interrupted.
    std::span<const epoll_event> wait(std::chrono::milliseconds limit);

  private:
    UniqueFd epoll_;
    std::array<epoll_event, 128> events_;
};

struct Span {
    std::chrono::milliseconds warm_up{100};
    std::chrono::milliseconds counted{500};
};

/// What is done in the counted time, and what that costs somebody.
class Meter {
  public:
    using Time = std::chrono::steady_clock::time_point;

    /// `cost`: the processor time that somebody has used up to now, in seconds.
    explicit Meter(const Span& span, std::function<double()> cost = [] { return 0.0; });

    /// Called again and again with what is done up to now: false at the end. Throws lab::Failure where
    /// nothing has been done for long.
    bool goes_on(uint64_t done);
    bool counts() const { return counts_; }
    Time now() const { return now_; }  // of the last call

    double done() const { return done_; }
    double per_second() const { return done_ / seconds_; }
    double cost() const { return cost_; }

  private:
    Span span_;
    std::function<double()> cost_of_;
    Time began_, now_, moved_;
    uint64_t last_ = 0, first_ = 0;
    bool counts_ = false;
    double cost_before_ = 0;
    double done_ = 0, seconds_ = 1, cost_ = 0;
};

}  // namespace weir::bench
