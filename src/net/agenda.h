// When to look at what next: each subject (an address, a next hop) has a time, and what is due is given out
// at a bounded pace. Pure: time comes in by the caller.
#pragma once

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <utility>
#include <vector>

namespace weir::net {

template <std::totally_ordered Subject>
class Agenda {
  public:
    using Time = std::chrono::steady_clock::time_point;

    /// At most `at_once` subjects in each `interval`.
    Agenda(std::chrono::milliseconds interval, size_t at_once, uint32_t seed)
        : interval_(interval), at_once_(at_once), random_(seed) {}

    /// Sets the subject's time, whatever it was.
    void put(const Subject& subject, Time due) {
        remove(subject);
        due_.emplace(subject, due);
        queue_.emplace(due, subject);
    }

    /// As put(), but never later than it was.
    void hasten(const Subject& subject, Time due) {
        auto known = due_.find(subject);
        if (known == due_.end() || due < known->second) put(subject, due);
    }

    void remove(const Subject& subject) {
        auto known = due_.find(subject);
        if (known == due_.end()) return;
        queue_.erase({known->second, subject});
        due_.erase(known);
    }

    /// When take() has something to give; nothing while the agenda is empty.
    std::optional<Time> next() const {
        if (queue_.empty()) return std::nullopt;
        return std::max(queue_.begin()->first, taken_ + interval_);
    }

    /// Whether more is due than could be given out.
    bool behind(Time now) const { return !queue_.empty() && queue_.begin()->first <= now; }

    /// Takes what is due from the agenda, the longest due first.
    std::vector<Subject> take(Time now) {
        std::vector<Subject> out;
        if (auto when = next(); !when || *when > now) return out;
        taken_ = now;
        while (out.size() < at_once_ && !queue_.empty() && queue_.begin()->first <= now) {
            out.push_back(queue_.begin()->second);
            remove(out.back());
        }
        return out;
    }

    /// After `delay`, a fifth sooner or later, so that what started together does not stay together.
    Time about(Time now, std::chrono::milliseconds delay) {
        std::uniform_int_distribution<int64_t> spread(delay.count() * 4 / 5, delay.count() * 6 / 5);
        return now + std::chrono::milliseconds(spread(random_));
    }

  private:
    const std::chrono::milliseconds interval_;
    const size_t at_once_;
    std::map<Subject, Time> due_;
    std::set<std::pair<Time, Subject>> queue_;  // the same, by time
    Time taken_{};                              // when take() last gave something
    std::minstd_rand random_;
};

}  // namespace weir::net
