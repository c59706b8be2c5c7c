#include "control/events.h"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace weir::control {
namespace {

spdlog::level::level_enum level_of(model::Severity severity) {
    switch (severity) {
        case model::Severity::info:
            return spdlog::level::info;
        case model::Severity::warning:
            return spdlog::level::warn;
        case model::Severity::error:
            break;
    }
    return spdlog::level::err;
}

uint64_t first_id(Events::Time started) {
    auto since = std::chrono::duration_cast<std::chrono::milliseconds>(started.time_since_epoch()).count();
    return static_cast<uint64_t>(std::max<int64_t>(since, 0)) + 1;
}

Event target_event(const model::Frontend& frontend, const model::Target& target) {
    bool up = target.health.up;
    return {up ? EventKind::backend_up : EventKind::backend_down,
            fmt::format("backend {} of {} is {}: {}", target.backend.address.text(), frontend.key.text(),
                        up ? "up" : "down", target.health.reason),
            frontend.service, target.backend.address, frontend.key};
}

Event service_event(const model::Frontend& frontend) {
    auto usable = std::ranges::count(frontend.targets, model::Accepts::all, &model::Target::accepts);
    return {frontend.healthy ? EventKind::service_healthy : EventKind::service_unhealthy,
            fmt::format("service {} at {} is {}: {} of {} backends take new flows", frontend.service,
                        frontend.key.text(), frontend.healthy ? "healthy" : "down", usable,
                        frontend.targets.size()),
            frontend.service,
            {},
            frontend.key};
}

void target_changes(const model::Frontend& before, const model::Frontend& after, std::vector<Event>& into) {
    for (size_t i = 0; i < after.targets.size(); ++i) {
        const auto& target = after.targets[i];
        auto is_it = [&](const model::Target& other) {
            return other.backend.address == target.backend.address;
        };
        // Most often the pool is as it was, and the place is the same.
        auto former = i < before.targets.size() && is_it(before.targets[i])
                          ? before.targets.begin() + static_cast<long>(i)
                          : std::ranges::find_if(before.targets, is_it);
        if (former == before.targets.end() || former->health.up == target.health.up) continue;
        into.push_back(target_event(after, target));
    }
}

}  // namespace

Events::Events(Time started, size_t room) : room_(room), next_id_(first_id(started)) {}

const Event& Events::add(Event event, Time now) {
    event.id = next_id_++;
    event.at = now;
    spdlog::log(level_of(model::severity_of(event.kind)), "{}", event.message);
    ++totals_.at(static_cast<size_t>(event.kind));
    if (remembered_.size() == room_) remembered_.pop_front();
    return remembered_.emplace_back(std::move(event));
}

std::vector<Event> Events::after(uint64_t id, size_t limit) const {
    if (id > last_id()) id = 0;
    auto first = std::ranges::upper_bound(remembered_, id, {}, &Event::id);
    auto count = std::min(limit, static_cast<size_t>(remembered_.end() - first));
    return {first, first + static_cast<long>(count)};
}

std::shared_ptr<void> Events::seat() {
    return seats_.use_count() > kSeats ? nullptr : seats_;
}

std::vector<Event> changes(const model::Plan& before, const model::Plan& after) {
    std::vector<Event> found;
    auto former = before.frontends.begin();
    for (const auto& frontend : after.frontends) {
        while (former != before.frontends.end() && former->key < frontend.key) ++former;
        if (former == before.frontends.end() || former->key != frontend.key) continue;
        if (&*former == &frontend) continue;
        target_changes(*former, frontend, found);
        if (former->healthy != frontend.healthy) found.push_back(service_event(frontend));
    }
    return found;
}

std::vector<Event> standing(const model::Plan& plan, const model::HealthMap& known) {
    std::vector<Event> found;
    for (const auto& frontend : plan.frontends) {
        bool is_known = false;
        for (const auto& target : frontend.targets) {
            if (!known.contains({frontend.key, target.backend.address})) continue;
            is_known = true;
            if (!target.health.up) found.push_back(target_event(frontend, target));
        }
        if (is_known && !frontend.healthy) found.push_back(service_event(frontend));
    }
    return found;
}

}  // namespace weir::control
