// One alert: from the events to the messages, their delivery and what came of it. Pure: time and chance come
// in by the caller, who delivers.
#pragma once

#include <functional>

#include "alert/outbox.h"
#include "alert/settling.h"
#include "alert/sink.h"
#include "base/backoff.h"

namespace weir::alert {

/// A failed delivery is tried again, after a second first and then ever more rarely, up to every five
/// minutes; a message that is an hour old by then is given up.
class Post {
  public:
    using Chance = std::function<double()>;  // 0 to 1

    Post(const model::Alert& alert, Chance chance);
    /// The message that waits for its next try gets it at once: what was wrong may be right now.
    void set(const model::Alert& alert);

    void hear(const Event& event, Time now);
    void assume(const Event& event) { settling_.assume(event); }
    /// What a former daemon has left to tell: it waits.
    void recall(std::vector<Event> events) { collect(std::move(events)); }
    void keep_only(const std::function<bool(const Subject&)>& is_there) { settling_.keep_only(is_there); }

    /// What is to be delivered now, if anything, until take() says what came of it. Between the two, nothing
    /// else is given out.
    std::shared_ptr<const Message> next(Time now);
    void take(const Delivery& delivery, Time now);
    /// Nothing will come of it: it is to be delivered again.
    void interrupt();
    /// When to ask next() again; nothing: when there is news.
    std::optional<Time> wake_at() const;

    /// From now on nothing settles, and everything is tried once.
    void finish(Time now);
    bool is_empty() const { return !message_ && outbox_.size() == 0; }
    /// What was not delivered, and may be yet: by another daemon.
    std::vector<Event> unsent() const;

    control::AlertRow row() const;  // without name and times
    std::optional<Time> failing_since() const { return failing_since_; }

    static constexpr auto kOldest = std::chrono::hours(1);
    static constexpr auto kLongestWait = std::chrono::seconds(3600);  // that a receiver can ask for

  private:
    void collect(std::vector<Event> events);
    void give_up();

    Settling settling_;
    Outbox outbox_;
    Chance chance_;
    Backoff backoff_{std::chrono::seconds(1), std::chrono::minutes(5)};
    std::shared_ptr<const Message> message_;  // that is being delivered, or waits to be so again
    Time made_at_{};
    std::optional<Time> again_at_;  // no: it is under way
    bool finishing_ = false;
    std::vector<Event> left_;  // after a last try
    std::optional<Time> failing_since_;
    control::AlertRow row_;
};

}  // namespace weir::alert
