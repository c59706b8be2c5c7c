// What a source that tries again and again tells its listener: each failure once, and when to try next.
#pragma once

#include <random>
#include <string>
#include <utility>

#include "base/backoff.h"
#include "discovery/source.h"

namespace weir::discovery {

class Report {
  public:
    explicit Report(Listener& listener) : listener_(&listener) {}

    /// The listener is told nothing any more.
    void stop() { listener_ = nullptr; }

    void found(Set set) {
        failure_.clear();
        if (listener_) listener_->found(std::move(set));
    }
    void failed(const Error& why) {
        if (std::exchange(failure_, why.message) == why.message) return;
        if (listener_) listener_->failed(why);
    }

  private:
    Listener* listener_;
    std::string failure_;  // the last that it was told of; "" after a set
};

/// Pauses between tries: from a second to half a minute, give or take a quarter, so that the balancers of a
/// site don't come all at once.
class Pauses {
  public:
    Clock::Duration next() {
        auto share = std::uniform_int_distribution<int64_t>(750, 1250)(random_);
        return backoff_.next() * share / 1000;
    }
    void reset() { backoff_.reset(); }

  private:
    Backoff backoff_{std::chrono::seconds(1), std::chrono::seconds(30)};
    std::minstd_rand random_{std::random_device{}()};
};

}  // namespace weir::discovery
