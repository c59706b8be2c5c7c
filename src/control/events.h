// What has happened, for people and for what they let run: a bounded memory of changes, each with a number
// that grows, over restarts too. On the control thread.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/event_kind.h"
#include "model/plan.h"

namespace weir::control {

using model::EventKind;

struct Event {
    EventKind kind = EventKind::started;
    std::string message;  // a line for people
    std::string service{};
    std::optional<net::Ip> backend{};
    std::optional<model::FrontendKey> frontend{};
    // Given by Events::add():
    uint64_t id = 0;
    std::chrono::system_clock::time_point at{};
    // Of what is about BGP:
    std::optional<net::Ip> peer{};

    bool operator==(const Event&) const = default;
};

class Events {
  public:
    using Time = std::chrono::system_clock::time_point;
    using Totals = std::array<uint64_t, model::kEventKinds>;

    /// Ids begin behind the milliseconds since 1970, so that those of an earlier daemon are lower.
    explicit Events(Time started, size_t room = 1024);

    /// Also writes it to the log. The oldest makes room. Returns it as it is kept, until the next.
    const Event& add(Event event, Time now);

    /// At most `limit` of those behind `id`, the oldest first. An id that is still to come is of a daemon
    /// whose clock went ahead: behind it are all.
    std::vector<Event> after(uint64_t id, size_t limit) const;
    uint64_t last_id() const { return next_id_ - 1; }
    /// Whether some behind `id` are forgotten, or it cannot be told.
    bool has_gap_after(uint64_t id) const { return id < last_id() - remembered_.size() || id > last_id(); }

    const Totals& totals() const { return totals_; }

    /// A place for one more who reads along, until he lets it go; empty when all are taken.
    std::shared_ptr<void> seat();
    /// A reader was too slow.
    void count_dropped_reader() { ++dropped_readers_total_; }
    uint64_t dropped_readers_total() const { return dropped_readers_total_; }

    static constexpr long kSeats = 16;

  private:
    size_t room_;
    uint64_t next_id_;
    std::deque<Event> remembered_;
    Totals totals_{};
    std::shared_ptr<void> seats_ = std::make_shared<char>();
    uint64_t dropped_readers_total_ = 0;
};

/// Targets that came up or went down and services that did, from one plan to the next. Pure.
std::vector<Event> changes(const model::Plan& before, const model::Plan& after);

/// What is down in the plan and was known before, as the events that told of it then. Pure.
std::vector<Event> standing(const model::Plan& plan, const model::HealthMap& known);

}  // namespace weir::control
