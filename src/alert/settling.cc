#include "alert/settling.h"

#include <fmt/chrono.h>

#include <algorithm>

namespace weir::alert {
namespace {

using control::Suppressed;
using model::EventKind;
using std::chrono::seconds;

/// Nothing of what happens once.
std::optional<EventKind> trouble_of(EventKind kind) {
    if (auto trouble = model::ended_by(kind)) return trouble;
    for (size_t other = 0; other < model::kEventKinds; ++other)
        if (model::ended_by(static_cast<EventKind>(other)) == kind) return kind;
    return std::nullopt;
}

/// These happen without a trouble before, too, and then are news to whoever asks for such news.
bool is_news_by_itself(EventKind kind) {
    return kind == EventKind::plan_applied || kind == EventKind::reload_accepted;
}

Event saying(Event event, std::string text) {
    event.message = std::move(text);
    return event;
}

}  // namespace

bool Settling::wants(EventKind kind) const {
    if (!alert_.events.empty()) return std::ranges::binary_search(alert_.events, kind);
    return model::severity_of(model::ended_by(kind).value_or(kind)) >= alert_.severity;
}

void Settling::hear(const Event& event, Time now) {
    auto trouble = trouble_of(event.kind);
    if (!trouble) {
        if (wants(event.kind)) at_once_.push_back(event);
        return;
    }
    auto& entry =
        *states_.try_emplace({*trouble, event.service, event.frontend, event.backend, event.peer}).first;
    auto& state = entry.second;
    bool is_trouble = event.kind == *trouble;
    if (state.change || state.trouble != is_trouble) return change(entry, event, now);
    bool asked_for = alert_.events.empty() ? alert_.severity == model::Severity::info : wants(event.kind);
    if (!is_trouble && is_news_by_itself(event.kind) && asked_for)
        at_once_.push_back(event);
    else if (wants(event.kind))
        count(Suppressed::repeated, 1);
    if (!state.trouble) states_.erase(entry.first);
}

void Settling::change(Entry& entry, const Event& event, Time now) {
    auto& [subject, state] = entry;
    if (!state.change) state.change = Change{{}, now, {}};
    auto& change = *state.change;
    change.latest = event;
    change.due = now + alert_.settle;
    ++change.count;
    auto patience = change.since + kPatience * alert_.settle;
    agenda_.put(subject, state.flapping ? change.due : std::min(change.due, patience));
}

void Settling::assume(const Event& event) {
    if (trouble_of(event.kind) == event.kind)
        states_[{event.kind, event.service, event.frontend, event.backend, event.peer}].trouble = true;
}

void Settling::keep_only(const std::function<bool(const Subject&)>& is_there) {
    std::erase_if(states_, [&](const Entry& entry) {
        if (is_there(entry.first)) return false;
        agenda_.remove(entry.first);
        return true;
    });
}

std::vector<Event> Settling::take(Time now) {
    auto told = std::exchange(at_once_, {});
    for (const auto& subject : agenda_.take(now)) settle(*states_.find(subject), now, told);
    return told;
}

std::optional<Time> Settling::next() const {
    return at_once_.empty() ? agenda_.next() : std::optional(Time::min());
}

std::vector<Event> Settling::take_all(Time now) {
    for (auto& [subject, state] : states_) {
        if (!state.change) continue;
        state.change->due = now;
        agenda_.put(subject, now);
    }
    return take(now);
}

/// Either it has come to rest, or patience is at its end.
void Settling::settle(Entry& entry, Time now, std::vector<Event>& told) {
    auto& [subject, state] = entry;
    auto& change = *state.change;
    const auto& event = change.latest;
    bool is_trouble = event.kind == subject.trouble;
    auto tell = [&](EventKind kind, std::string text) {
        if (!wants(kind)) return;
        told.push_back(saying(event, std::move(text)));
        ++change.told;
    };
    auto changes =
        fmt::format("{} changes in {}", change.count, std::chrono::ceil<seconds>(now - change.since));
    if (now < change.due) {
        tell(subject.trouble, fmt::format("flapping, {}: {}", changes, event.message));
        state.flapping = true;
        agenda_.put(subject, change.due);
        return;
    }
    if (change.count == 1)
        tell(event.kind, event.message);
    else if (state.flapping || state.trouble != is_trouble || change.count >= kFlaps)
        tell(event.kind, fmt::format("{} (after {})", event.message, changes));
    if (wants(subject.trouble) || wants(event.kind)) count(Suppressed::settled, change.count - change.told);
    if (!is_trouble) {
        states_.erase(entry.first);
        return;
    }
    state = {.trouble = true};
}

}  // namespace weir::alert
