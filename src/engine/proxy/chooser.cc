#include "engine/proxy/chooser.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>

#include "sched/hash.h"
#include "sched/log2.h"

namespace weir::engine::proxy {
namespace {

using Tried = std::span<const size_t>;

constexpr unsigned kHashes = 16;      // entries of the table that a client may come to
constexpr int64_t kCredit = 1 << 16;  // a weight of 1: fine enough that turns hardly begin as equals
constexpr uint64_t kTakesNone = std::numeric_limits<uint64_t>::max();

bool is_tried(size_t place, Tried tried) {
    return std::ranges::find(tried, place) != tried.end();
}

bool has_room(const Target& target) {
    return target.max_connections == 0 || target.tallies->active() < target.max_connections;
}

bool takes(const Route& route, size_t place, Tried tried) {
    const auto& target = route.targets[place];
    return target.weight > 0 && !is_tried(place, tried) && has_room(target);
}

/// Of [0, below), evenly for a hash.
uint64_t scale(uint64_t hash, uint64_t below) {
    return static_cast<uint64_t>(static_cast<sched::Uint128>(hash) * below >> 64);
}

/// The network alone: the bits behind its length are cleared.
net::Ip network(const net::Ip& ip, const model::Sticky& sticky) {
    const unsigned length = ip.is_v4() ? sticky.v4 : sticky.v6;
    std::array<uint8_t, 16> bytes{};
    std::ranges::copy(ip.bytes(), bytes.begin());
    for (unsigned i = length / 8; i < bytes.size(); ++i) {
        const auto kept = i == length / 8 ? 0xff00u >> length % 8 : 0u;
        bytes[i] &= static_cast<uint8_t>(kept);
    }
    return ip.is_v4() ? net::Ip::v4({bytes[0], bytes[1], bytes[2], bytes[3]}) : net::Ip::v6(bytes);
}

/// Eight characters at a time: its length goes first, so zeros behind the end make no name another.
uint64_t hash_name(std::string_view name) {
    uint64_t hash = sched::mix(name.size());
    for (size_t start = 0; start < name.size(); start += 8) {
        uint64_t word = 0;
        for (char c : name.substr(start, 8)) word = word << 8 | static_cast<uint8_t>(c);
        hash = sched::mix(hash ^ word);
    }
    return hash;
}

/// The service's name is the seed: services do not send a client to the same place of their tables, which
/// balancers behind one another would suffer from; the frontends of one service do.
uint64_t hash_client(const Route& route, const net::Endpoint& client) {
    const uint64_t seed = hash_name(route.service);
    if (route.sticky) return sched::mix(seed ^ sched::hash(network(client.address, *route.sticky)));
    return sched::mix(sched::mix(seed ^ sched::hash(client.address)) ^ client.port.value());
}

/// Each by its weight. A target may fill up meanwhile, by another worker: then the last that was seen to
/// have room gets it.
std::optional<size_t> by_weight(const Route& route, Tried tried, uint64_t hash) {
    uint64_t weight = 0;
    std::optional<size_t> last;
    for (size_t i = 0; i < route.targets.size(); ++i) {
        if (!takes(route, i, tried)) continue;
        weight += route.targets[i].weight;
        last = i;
    }
    if (!last) return std::nullopt;
    uint64_t left = scale(hash, weight);
    for (size_t i = 0; i < *last; ++i) {
        if (!takes(route, i, tried)) continue;
        if (left < route.targets[i].weight) return i;
        left -= route.targets[i].weight;
    }
    return last;
}

/// Whoever cannot have his entry goes on to another one that his hash alone decides: nobody else moves, and
/// those who do spread over all others. Where nearly nobody takes any, the table need not name who does.
std::optional<size_t> by_table(const Route& route, uint64_t hash, Tried tried) {
    const auto* table = route.table.get();
    for (unsigned i = 0; i < kHashes && table && !table->empty(); ++i) {
        const size_t place = (*table)[scale(hash, table->size())];
        if (place < route.targets.size() && takes(route, place, tried)) return place;
        hash = sched::mix(hash);
    }
    return by_weight(route, tried, hash);
}

}  // namespace

uint64_t Chooser::draw() {
    return sched::mix(random_());
}

/// Anywhere in the round, so that workers which have few connections each do not all begin with the first
/// target.
void Chooser::begin_turns(const Route& route, uint64_t weight) {
    weight_ = weight;
    credits_.resize(route.targets.size());
    for (auto& credit : credits_) credit = static_cast<int64_t>(scale(draw(), weight * kCredit));
}

/// Smoothly, as nginx counts turns: each that may have it gains its weight, who then has the most pays what
/// all gained. Weights of another sum begin anew: what was gained by them may be far too much now.
template <class Takes>
std::optional<size_t> Chooser::next_turn(const Route& route, Takes takes_it) {
    uint64_t weight = 0;
    for (const auto& target : route.targets) weight += target.weight;
    if (credits_.size() != route.targets.size() || weight != weight_) begin_turns(route, weight);

    std::optional<size_t> best;
    int64_t gained = 0;
    for (size_t i = 0; i < route.targets.size(); ++i) {
        if (!takes_it(i)) continue;
        const int64_t gain = route.targets[i].weight * kCredit;
        credits_[i] += gain;
        gained += gain;
        if (!best || credits_[i] > credits_[*best]) best = i;
    }
    if (best) credits_[*best] -= gained;
    return best;
}

std::optional<size_t> Chooser::by_turns(const Route& route, Tried tried) {
    return next_turn(route, [&](size_t i) { return takes(route, i, tried); });
}

/// Each tally is read once: it moves meanwhile.
std::optional<size_t> Chooser::by_least(const Route& route, Tried tried) {
    loads_.resize(route.targets.size());
    std::optional<size_t> least;
    // Less, or more, beside the weights.
    auto compare = [&](size_t left, size_t right) {
        return static_cast<sched::Uint128>(loads_[left]) * route.targets[right].weight <=>
               static_cast<sched::Uint128>(loads_[right]) * route.targets[left].weight;
    };
    for (size_t i = 0; i < route.targets.size(); ++i) {
        const auto& target = route.targets[i];
        loads_[i] = kTakesNone;
        if (target.weight == 0 || is_tried(i, tried)) continue;
        const auto active = target.tallies->active();
        if (target.max_connections != 0 && active >= target.max_connections) continue;
        loads_[i] = active;
        if (!least || compare(i, *least) < 0) least = i;
    }
    if (!least) return std::nullopt;
    return next_turn(route, [&](size_t i) { return loads_[i] != kTakesNone && compare(i, *least) == 0; });
}

std::optional<size_t> Chooser::choose(const Route& route, const net::Endpoint& client, Tried tried) {
    switch (route.scheduler) {
        case model::SchedulerKind::maglev:
        case model::SchedulerKind::rendezvous:
            return by_table(route, hash_client(route, client), tried);
        case model::SchedulerKind::rr:
            return by_turns(route, tried);
        case model::SchedulerKind::random:
            return by_weight(route, tried, draw());
        case model::SchedulerKind::wlc:
            return by_least(route, tried);
    }
    return std::nullopt;
}

bool Chooser::is_full(const Route& route, Tried tried) {
    for (size_t i = 0; i < route.targets.size(); ++i)
        if (route.targets[i].weight > 0 && !is_tried(i, tried) && !has_room(route.targets[i])) return true;
    return false;
}

}  // namespace weir::engine::proxy
