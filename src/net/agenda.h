// When to look at which address next: each has a time, and what is due is given out at a bounded pace. Pure:
// time comes in by the caller.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "net/ip.h"

namespace weir::net {

class Agenda {
  public:
    using Time = std::chrono::steady_clock::time_point;

    /// At most `at_once` addresses in each `interval`.
    Agenda(std::chrono::milliseconds interval, size_t at_once, uint32_t seed);

    /// Sets the address's time, whatever it was.
    void put(const Ip& address, Time due);
    /// As put(), but never later than it was.
    void hasten(const Ip& address, Time due);
    void remove(const Ip& address);

    /// When take() has something to give; nothing while the agenda is empty.
    std::optional<Time> next() const;
    /// Takes what is due from the agenda, the longest due first.
    std::vector<Ip> take(Time now);

    /// After `delay`, a fifth sooner or later, so that what started together does not stay together.
    Time about(Time now, std::chrono::milliseconds delay);

  private:
    const std::chrono::milliseconds interval_;
    const size_t at_once_;
    std::map<Ip, Time> due_;
    std::set<std::pair<Time, Ip>> queue_;  // the same, by time
    Time taken_{};                         // when take() last gave something
    std::minstd_rand random_;
};

}  // namespace weir::net
