#include "net/agenda.h"

#include <algorithm>

namespace weir::net {

Agenda::Agenda(std::chrono::milliseconds interval, size_t at_once, uint32_t seed)
    : interval_(interval), at_once_(at_once), random_(seed) {}

void Agenda::put(const Ip& address, Time due) {
    remove(address);
    due_.emplace(address, due);
    queue_.emplace(due, address);
}

void Agenda::hasten(const Ip& address, Time due) {
    auto known = due_.find(address);
    if (known == due_.end() || due < known->second) put(address, due);
}

void Agenda::remove(const Ip& address) {
    auto known = due_.find(address);
    if (known == due_.end()) return;
    queue_.erase({known->second, address});
    due_.erase(known);
}

std::optional<Agenda::Time> Agenda::next() const {
    if (queue_.empty()) return std::nullopt;
    return std::max(queue_.begin()->first, taken_ + interval_);
}

std::vector<Ip> Agenda::take(Time now) {
    std::vector<Ip> out;
    if (auto when = next(); !when || *when > now) return out;
    taken_ = now;
    while (out.size() < at_once_ && !queue_.empty() && queue_.begin()->first <= now) {
        out.push_back(queue_.begin()->second);
        remove(out.back());
    }
    return out;
}

Agenda::Time Agenda::about(Time now, std::chrono::milliseconds delay) {
    std::uniform_int_distribution<int64_t> spread(delay.count() * 4 / 5, delay.count() * 6 / 5);
    return now + std::chrono::milliseconds(spread(random_));
}

}  // namespace weir::net
