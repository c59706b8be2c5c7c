#include "engine/xdp/numbers.h"

#include <algorithm>

#include "engine/xdp/target_row.h"

namespace weir::engine::xdp {

Numbers Numbers::recover(std::span<const weir_name> rows) {
    Numbers numbers;
    for (uint32_t number = 1; number < rows.size(); number++) {
        const auto& row = rows[number];
        if (row.family == WEIR_NONE) continue;
        auto key = key_of(row);
        if (row.retired)
            numbers.retired_.emplace(number, key);
        else
            numbers.live_.emplace(key, number);
    }
    return numbers;
}

size_t Numbers::needed(const std::vector<model::TargetKey>& wanted) const {
    std::set<model::TargetKey> returning;
    for (const auto& [number, key] : retired_) returning.insert(key);
    auto newcomers = std::ranges::count_if(
        wanted, [&](const auto& key) { return !live_.contains(key) && !returning.contains(key); });
    return 1 + live_.size() + retired_.size() + static_cast<size_t>(newcomers);
}

Status Numbers::assign(const std::vector<model::TargetKey>& wanted, uint32_t limit) {
    if (auto need = needed(wanted); need > limit)
        return fail(
            "{} targets at a time, those that left included, are more than the {} that the datapath can "
            "number",
            need - 1, limit - 1);
    ++changes_;
    auto stay = wanted;  // ordered; mostly they are
    if (!std::ranges::is_sorted(stay)) std::ranges::sort(stay);
    auto stays = [&](const model::TargetKey& key) { return std::ranges::binary_search(stay, key); };
    for (auto it = live_.begin(); it != live_.end();) {
        if (stays(it->first)) {
            ++it;
            continue;
        }
        retired_.emplace(it->second, it->first);
        it = live_.erase(it);
    }
    for (auto it = retired_.begin(); it != retired_.end();) {
        if (!stays(it->second)) {
            ++it;
            continue;
        }
        live_.emplace(it->second, it->first);
        passed_.erase(it->first);
        it = retired_.erase(it);
    }
    std::vector<bool> taken(limit);
    taken[0] = true;
    for (const auto& [key, number] : live_) taken.at(number) = true;
    for (const auto& [number, key] : retired_) taken.at(number) = true;
    auto free = std::ranges::find(taken, false);
    auto place = live_.begin();  // behind the one before
    for (const auto& key : wanted) {
        const auto count = live_.size();
        auto entry = live_.try_emplace(place, key, static_cast<uint32_t>(free - taken.begin()));
        place = std::next(entry);
        if (live_.size() > count) free = std::find(free + 1, taken.end(), false);
    }
    return {};
}

uint32_t Numbers::find(const model::TargetKey& key) const {
    auto found = live_.find(key);
    return found == live_.end() ? 0 : found->second;
}

std::vector<uint32_t> Numbers::of(const model::Frontend& frontend) const {
    std::vector<std::pair<net::Ip, uint32_t>> known;  // ordered
    for (auto it = live_.lower_bound({frontend.key, net::Ip()});
         it != live_.end() && it->first.frontend == frontend.key; ++it)
        known.emplace_back(it->first.backend, it->second);
    std::vector<uint32_t> numbers;
    numbers.reserve(frontend.targets.size());
    for (const auto& target : frontend.targets) {
        auto found = std::ranges::lower_bound(known, target.backend.address, {},
                                              [](const auto& each) { return each.first; });
        bool is_it = found != known.end() && found->first == target.backend.address;
        numbers.push_back(is_it ? found->second : 0);
    }
    return numbers;
}

std::vector<uint32_t> Numbers::release(const std::function<bool(uint32_t number)>& is_named) {
    std::vector<uint32_t> freed;
    for (const auto& [number, key] : retired_)
        if (!passed_.insert(number).second && !is_named(number)) freed.push_back(number);
    if (!freed.empty()) ++changes_;
    for (auto number : freed) {
        retired_.erase(number);
        passed_.erase(number);
    }
    return freed;
}

}  // namespace weir::engine::xdp
