// Which events an alert tells, and when: a change has to hold first. Pure: time comes in by the caller.
//
// What has two states (a backend, a service, the plan, the configuration) is told when it has been in the
// other one for the settling time. It is taken to be well until trouble was told, so the end of a trouble
// that nobody heard of is not news. What changes on and on is told once as flapping, and once when it has
// come to rest. Everything else is told at once.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <vector>

#include "control/herald.h"
#include "model/config.h"
#include "net/agenda.h"

namespace weir::alert {

using Time = std::chrono::steady_clock::time_point;
using control::Event;
using Counts = std::array<uint64_t, control::kSuppressed>;

/// What is in one of two states.
struct Subject {
    model::EventKind trouble;
    std::string service;
    std::optional<model::FrontendKey> frontend;
    std::optional<net::Ip> backend;
    std::optional<net::Ip> peer{};

    auto operator<=>(const Subject&) const = default;
};

class Settling {
  public:
    /// What is under way is judged by the new settings from then on.
    void set(const model::Alert& alert) { alert_ = alert; }

    void hear(const Event& event, Time now);
    /// It is so, and was told.
    void assume(const Event& event);
    /// Forgets the subjects that are gone.
    void keep_only(const std::function<bool(const Subject&)>& is_there);

    /// What is to be told by now, and is so no more.
    std::vector<Event> take(Time now);
    /// The same, as if everything had held.
    std::vector<Event> take_all(Time now);
    /// When take() has something.
    std::optional<Time> next() const;

    const Counts& suppressed() const { return suppressed_; }

    static constexpr unsigned kFlaps = 4;      // so many changes and back to the first state: that is told
    static constexpr unsigned kPatience = 12;  // settling times until changes without an end are told

  private:
    /// Waits to be told.
    struct Change {
        Event latest;
        Time since;  // of the first
        Time due;    // of the latest
        unsigned count = 0;
        unsigned told = 0;  // so many messages
    };
    struct State {
        bool trouble = false;   // as told last
        bool flapping = false;  // that was told, and not yet how it ended
        std::optional<Change> change{};
    };
    using Entry = std::map<Subject, State>::value_type;

    bool wants(model::EventKind kind) const;
    void change(Entry& entry, const Event& event, Time now);
    void settle(Entry& entry, Time now, std::vector<Event>& told);
    void count(control::Suppressed reason, uint64_t events) {
        suppressed_[static_cast<size_t>(reason)] += events;
    }

    model::Alert alert_;
    std::map<Subject, State> states_;
    net::Agenda<Subject> agenda_{std::chrono::milliseconds(0), std::numeric_limits<size_t>::max(), 0};
    std::vector<Event> at_once_;
    Counts suppressed_{};
};

}  // namespace weir::alert
