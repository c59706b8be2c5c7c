#include "control/feed.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace weir::control {
namespace {

using discovery::Found;

constexpr auto kMemory = std::chrono::minutes(10);  // so long a backend's going is held against it
constexpr unsigned kMostDoublings = 5;

/// Which of two with one address stands for both.
bool goes_before(const Found& a, const Found& b) {
    auto rank = [](const Found& found) {
        return std::tuple(found.priority, found.port ? found.port->value() : 0, -int64_t{found.weight},
                          found.tags);
    };
    return rank(a) < rank(b);
}

size_t least(const model::Minimum& minimum, size_t present) {
    if (!minimum.is_percent) return minimum.count;
    return (present * minimum.count + 99) / 100;
}

}  // namespace

void Feed::recall(Members members, bool of_other) {
    members_ = std::move(members);
    are_of_other_ = of_other;
}

bool Feed::offer(const discovery::Set& set, Time now) {
    Members offered;
    duplicates_ = 0;
    for (const auto& found : set.members) {
        auto [place, is_new] = offered.emplace(found.address, found);
        if (is_new) continue;
        if (place->second != found) ++duplicates_;
        if (goes_before(found, place->second)) place->second = found;
    }
    offered_ = std::move(offered);
    return take(now);
}

bool Feed::set(Taking taking, Time now) {
    if (std::exchange(taking_, taking) == taking) return false;
    return offered_ && take(now);
}

/// Why the set that is offered is not to be taken; "" where it is. One that is as large as before, or larger,
/// is never too small: a pool may begin with fewer.
std::string Feed::refusal() const {
    auto present = members_.size() - leaving_.size();
    auto enough = least(taking_.minimum, present);
    if (are_of_other_) enough = std::min<size_t>(enough, 1);
    if (offered_->size() >= std::min(present, enough)) return "";
    return fmt::format("the source has {} backends left of {}, fewer than 'minimum' ({}): the former stay",
                       offered_->size(), present, enough);
}

Clock::Duration Feed::patience_with(const net::Ip& address, Time now) const {
    auto known = flaps_.find(address);
    if (known == flaps_.end() || now - known->second.last > kMemory) return {};
    return taking_.damping * (1u << std::min(known->second.times - 1, kMostDoublings));
}

void Feed::note_gone(const net::Ip& address, Time now) {
    std::erase_if(flaps_, [now](const auto& known) { return now - known.second.last > kMemory; });
    auto& flaps = flaps_[address];
    ++flaps.times;
    flaps.last = now;
}

bool Feed::take(Time now) {
    held_back_ = refusal();
    if (!held_back_.empty()) return false;
    are_of_other_ = false;
    auto next = *offered_;
    for (const auto& [address, member] : members_) {
        if (next.contains(address)) {
            leaving_.erase(address);
            continue;
        }
        if (leaving_.contains(address)) {
            next.emplace(address, member);
            continue;
        }
        auto patience = patience_with(address, now);
        note_gone(address, now);
        if (patience.count() == 0) continue;
        leaving_.emplace(address, now + patience);
        next.emplace(address, member);
    }
    std::swap(members_, next);
    return expire(now) || members_ != next;
}

bool Feed::expire(Time now) {
    return std::erase_if(leaving_, [&](const auto& each) {
               if (each.second > now) return false;
               members_.erase(each.first);
               return true;
           }) > 0;
}

std::optional<Feed::Time> Feed::due() const {
    if (leaving_.empty()) return std::nullopt;
    return std::ranges::min_element(leaving_, {}, [](const auto& each) { return each.second; })->second;
}

}  // namespace weir::control
