#include "model/tiers.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "model/plan.h"

namespace weir::model {
namespace {

/// As a tier among others, and as targets that share its part between them.
struct Weighed {
    TierWeight weight;
    uint64_t counting = 0;  // of the usable, only what they are allowed, in parts of kWhole
};

std::vector<Weighed> weigh(const Frontend& frontend) {
    std::vector<Weighed> tiers;
    for (const auto& target : frontend.targets) {
        if (target.tier == kFallbackTier) continue;
        if (tiers.size() <= target.tier) tiers.resize(target.tier + 1u);
        auto& tier = tiers[target.tier];
        tier.weight.all += target.backend.weight;
        if (!target.usable) continue;
        tier.weight.usable += target.backend.weight;
        tier.counting += uint64_t{target.backend.weight} * target.fraction;
    }
    return tiers;
}

/// What a target's fraction is multiplied by so that the tiers get their parts: kWhole of the heaviest.
std::vector<uint32_t> factors_of(std::span<const uint32_t> parts, std::span<const Weighed> tiers) {
    auto heavier = [&](size_t a, size_t b) {  // compares part / counting
        return parts[a] * tiers[b].counting < parts[b] * tiers[a].counting;
    };
    std::vector<size_t> used;
    for (size_t i = 0; i < parts.size(); ++i)
        if (parts[i] > 0) used.push_back(i);
    std::vector<uint32_t> factors(parts.size());
    if (used.empty()) return factors;
    auto most = *std::ranges::max_element(used, heavier);
    for (auto i : used) {
        auto ratio = static_cast<double>(parts[i]) * static_cast<double>(tiers[most].counting) /
                     (static_cast<double>(parts[most]) * static_cast<double>(tiers[i].counting));
        factors[i] = i == most ? kWhole : std::max(static_cast<uint32_t>(ratio * kWhole), 1u);
    }
    return factors;
}

void stand_by(Target& target, std::string_view reason) {
    if (target.accepts != Accepts::all) return;
    target.accepts = Accepts::established;
    target.limited = reason;
}

/// As if every backend were up that the operator lets have new flows.
void open_all(Frontend& frontend) {
    for (auto& target : frontend.targets) {
        if (target.tier == kFallbackTier || !takes_new(target.backend)) continue;
        target.usable = true;
        target.accepts = Accepts::all;
        target.limited = "used although it is down: fail_open";
    }
}

/// Gives each tier its part; false where nobody takes any.
bool share_among_tiers(Frontend& frontend, unsigned overflow) {
    auto tiers = weigh(frontend);
    std::vector<TierWeight> weights;
    weights.reserve(tiers.size());
    for (const auto& tier : tiers) weights.push_back(tier.weight);
    auto parts = parts_of(weights, overflow);
    auto factors = factors_of(parts, tiers);
    bool served = std::ranges::any_of(parts, [](uint32_t part) { return part > 0; });
    for (auto& target : frontend.targets) {
        if (target.tier == kFallbackTier || factors[target.tier] == 0) {
            stand_by(target, served ? "stands by: the pools before it suffice" : "");
            continue;
        }
        auto fraction = uint64_t{target.fraction} * factors[target.tier] / kWhole;
        target.fraction = static_cast<uint32_t>(std::max<uint64_t>(fraction, 1));
    }
    frontend.overflowing = served ? kWhole - parts[0] : 0;
    frontend.serving = !served                    ? Serving::nothing
                       : frontend.overflowing > 0 ? Serving::backup
                                                  : Serving::pool;
    return served;
}

bool has_fallback(const Frontend& frontend) {
    return std::ranges::any_of(
        frontend.targets, [](const Target& target) { return target.tier == kFallbackTier && target.usable; });
}

void use_fallback(Frontend& frontend) {
    for (auto& target : frontend.targets)
        if (target.tier == kFallbackTier && target.usable) {
            target.accepts = Accepts::all;
            target.limited.clear();
        }
    frontend.serving = Serving::fallback;
}

/// That some are up and full, or drained, is no reason to use those that are down.
bool all_are_down(const Frontend& frontend) {
    return std::ranges::none_of(frontend.targets, [](const Target& target) {
        return target.tier != kFallbackTier && target.health.up &&
               target.backend.state == AdminState::enabled;
    });
}

}  // namespace

Tier PoolTiers::tier_of(uint16_t priority) const {
    if (first == kFallbackTier || priorities.empty()) return first;
    auto rank = std::ranges::lower_bound(priorities, priority) - priorities.begin();
    rank = std::min<ptrdiff_t>(rank, std::ssize(priorities) - 1);
    return static_cast<Tier>(std::min<ptrdiff_t>(first + rank, kFallbackTier - 1));
}

std::vector<PoolTiers> tiers_of(const Config& config, const Service& service) {
    std::vector<PoolTiers> tiers;
    for (const auto& name : pools_of(service)) {
        std::set<uint16_t> priorities;
        for (const auto& backend : config.pools.at(name).backends) priorities.insert(backend.priority);
        Tier next =
            tiers.empty() ? 0 : static_cast<Tier>(std::min(tiers.back().last() + 1, kFallbackTier - 1));
        tiers.push_back({name, {priorities.begin(), priorities.end()}, next});
    }
    if (!service.fallback.empty()) tiers.back().first = kFallbackTier;
    return tiers;
}

std::vector<Member> members_of(const Config& config, const Service& service) {
    std::vector<Member> members;
    std::set<net::Ip> seen;
    bool several = !service.backup.empty() || !service.fallback.empty();
    for (const auto& tiers : tiers_of(config, service))
        for (const auto& backend : config.pools.at(tiers.pool).backends)
            if (!several || seen.insert(backend.address).second)
                members.push_back({tiers.tier_of(backend.priority), &backend});
    return members;
}

std::vector<std::string> pools_of(const Service& service) {
    std::vector<std::string> pools{service.pool};
    pools.insert(pools.end(), service.backup.begin(), service.backup.end());
    if (!service.fallback.empty()) pools.push_back(service.fallback);
    return pools;
}

bool takes_new(const Backend& backend) {
    return backend.state == AdminState::enabled && backend.weight > 0;
}

std::vector<uint32_t> parts_of(std::span<const TierWeight> tiers, unsigned overflow) {
    std::vector<uint64_t> carries;
    for (const auto& tier : tiers)
        carries.push_back(
            tier.all == 0 ? 0
                          : std::min<uint64_t>(kWhole, tier.usable * overflow * kWhole / (tier.all * 100)));
    // One usable backend of thousands still is somebody.
    for (size_t i = 0; i < tiers.size(); ++i)
        if (tiers[i].usable > 0) carries[i] = std::max<uint64_t>(carries[i], 1);
    auto total = std::accumulate(carries.begin(), carries.end(), uint64_t{0});
    std::vector<uint32_t> parts(tiers.size());
    if (total == 0) return parts;
    uint64_t left = kWhole, last = 0;
    for (size_t i = 0; i < tiers.size(); ++i) {
        auto wants = total < kWhole ? carries[i] * kWhole / total : carries[i];
        parts[i] = static_cast<uint32_t>(std::min(wants, left));
        left -= parts[i];
        if (parts[i] > 0) last = i;
    }
    parts[last] += static_cast<uint32_t>(left);  // what rounding has left
    return parts;
}

void share_out(Frontend& frontend, const Service& service) {
    if (share_among_tiers(frontend, service.overflow)) return;
    if (has_fallback(frontend)) return use_fallback(frontend);
    if (!service.fail_open || !all_are_down(frontend)) return;
    open_all(frontend);
    if (share_among_tiers(frontend, service.overflow)) frontend.serving = Serving::fail_open;
}

}  // namespace weir::model
