// Time that stands still until a test moves it.
#pragma once

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <map>

#include "base/clock.h"

namespace weir {

/// Moved from outside of the context's loop.
class FakeClock final : public Clock {
  public:
    explicit FakeClock(boost::asio::io_context& context) : context_(context) {}

    Time now() const override { return now_; }

    Alarm at(Time due, std::function<void()> call) override {
        auto place = agenda_->emplace(due, std::move(call));
        return Alarm(&*place, [place, weak = std::weak_ptr(agenda_)](void*) {
            if (auto agenda = weak.lock()) agenda->erase(place);
        });
    }

    /// Calls that are to come.
    size_t alarms() const {
        return static_cast<size_t>(
            std::ranges::count_if(*agenda_, [](const auto& entry) { return entry.second != nullptr; }));
    }

    /// The calls that are due on the way come in their order, and the loop runs after each.
    void move(Duration span) {
        auto until = now_ + span;
        settle();
        while (next() <= until) {
            now_ = next();
            settle();
        }
        now_ = until;
    }

    /// From call to call, for an hour at most. False if the condition has not come true by then, or nobody
    /// waits for a call.
    bool move_until(const std::function<bool()>& condition) {
        is_silent_ = true;
        return run_until(condition);
    }

    /// Sockets and processes have their say; once there is silence(), as move_until(). False also if they are
    /// neither silent nor heard of for half a minute of the machine's time.
    bool run_until(const std::function<bool()>& condition) {
        const auto latest = now_ + std::chrono::hours(1);
        for (settle(); !condition(); settle()) {
            bool goes_on = true;
            if (!is_silent_)
                goes_on = context_.run_one_for(std::chrono::seconds(30)) > 0;
            else if (goes_on = next() <= latest; goes_on)
                now_ = next();
            if (!goes_on) break;
        }
        is_silent_ = false;
        return condition();
    }
    /// Nothing more comes from outside.
    void silence() { is_silent_ = true; }

    /// Time passes while the loop is busy with something else.
    void pass(Duration span) { now_ += span; }

    /// As pass(), then the first call that was to come does; the loop does not run yet.
    void oversleep(Duration span) {
        pass(span);
        call_next();
    }

    /// The loop does what there is to do now, also those calls that are due.
    void settle() {
        context_.restart();
        do {
            while (next() <= now_) call_next();
            if (context_.stopped()) context_.restart();
        } while (context_.poll_one() > 0);
    }

  private:
    using Agenda = std::multimap<Time, std::function<void()>>;

    /// An alarm that has gone off stays, without a call, until its owner lets go of it.
    Agenda::iterator first() const {
        return std::ranges::find_if(*agenda_, [](const auto& entry) { return entry.second != nullptr; });
    }
    Time next() const {
        auto found = first();
        return found == agenda_->end() ? Time::max() : found->first;
    }
    void call_next() {
        auto found = first();
        if (found != agenda_->end()) std::exchange(found->second, nullptr)();
    }

    boost::asio::io_context& context_;
    bool is_silent_ = false;
    Time now_{std::chrono::seconds(1000)};
    std::shared_ptr<Agenda> agenda_ = std::make_shared<Agenda>();
};

}  // namespace weir
