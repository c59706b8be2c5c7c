#include "cli/dealer.h"

#include <algorithm>
#include <map>

namespace weir::cli {

void Dealer::replace(const TokenList& list) {
    rebase();
    std::map<net::Endpoint, Entry> before;
    for (auto& entry : entries_) before.emplace(entry.to, std::move(entry));
    entries_.clear();
    weights_.clear();
    for (const auto& token : list) {
        if (token.weight == 0) continue;
        const auto weight = order_.weighted ? token.weight : 1;
        Time wait = kUnit / weight / 2;
        if (auto known = before.find(token.to); known != before.end())
            wait = (known->second.due - now_) * known->second.weight / weight;
        entries_.push_back(
            {now_ + wait, static_cast<uint32_t>(entries_.size()), weight, token.to, token.to.text()});
        weights_.push_back(weight + (weights_.empty() ? 0 : weights_.back()));
    }
    if (!order_.by_chance) std::ranges::make_heap(entries_, is_later);
}

std::optional<std::string> Dealer::next() {
    if (entries_.empty()) return std::nullopt;
    return order_.by_chance ? lot() : turn();
}

std::string Dealer::turn() {
    constexpr Time kFar = kUnit << 24;
    std::ranges::pop_heap(entries_, is_later);
    auto& entry = entries_.back();
    now_ = entry.due;
    entry.due += kUnit / entry.weight;
    auto text = entry.text;
    std::ranges::push_heap(entries_, is_later);
    if (now_ > kFar) rebase();
    return text;
}

std::string Dealer::lot() {
    auto drawn = std::uniform_int_distribution<uint64_t>(0, weights_.back() - 1)(chance_);
    auto place = std::ranges::upper_bound(weights_, drawn) - weights_.begin();
    return entries_[static_cast<size_t>(place)].text;
}

/// Before the numbers get too large.
void Dealer::rebase() {
    for (auto& entry : entries_) entry.due -= now_;
    now_ = 0;
}

}  // namespace weir::cli
