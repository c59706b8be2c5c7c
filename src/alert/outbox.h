// What an alert has to tell and has not told yet. Pure: time comes in by the caller.
#pragma once

#include <chrono>
#include <deque>
#include <optional>

#include "alert/message.h"
#include "alert/settling.h"

namespace weir::alert {

/// A token bucket of `rate` messages a minute, full at the start. With a token for each, what waits goes out
/// event by event; with fewer, all of it in one message.
class Outbox {
  public:
    static constexpr size_t kMost = 1000;  // more do not wait: the oldest make room

    explicit Outbox(unsigned rate) : rate_(rate) {}
    void set_rate(unsigned rate) { rate_ = rate; }

    void add(Event event);
    /// Everything in one message, whatever the rate, if there is anything.
    std::optional<Message> take_all();
    std::optional<Message> take(Time now);
    /// When take() has something.
    std::optional<Time> next() const;

    const std::deque<Event>& waiting() const { return waiting_; }
    size_t size() const { return waiting_.size(); }
    uint64_t gathered() const { return gathered_; }
    uint64_t dropped() const { return dropped_; }

  private:
    Time::duration step() const { return Time::duration(std::chrono::minutes(1)) / rate_; }

    unsigned rate_;
    std::deque<Event> waiting_;
    Time spent_until_ = Time::min() + std::chrono::minutes(1);  // the tokens of the time before are gone
    uint64_t gathered_ = 0;
    uint64_t dropped_ = 0;
};

}  // namespace weir::alert
