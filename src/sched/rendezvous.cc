// Weighted rendezvous: each entry goes to the candidate with the smallest -log2(u) / weight, where u in (0,
// 1] is drawn from candidate and entry. Nothing ever moves between survivors, but a share is as uneven as
// chance makes it.
#include <algorithm>
#include <cassert>
#include <limits>
#include <tuple>

#include "sched/hash.h"
#include "sched/log2.h"
#include "sched/table.h"

namespace weir::sched {
namespace {

struct Bidder {
    uint64_t hash;
    uint32_t candidate;  // index in the caller's list
};

/// Candidates of one weight: the largest draw has the smallest score, so that only one of them needs its
/// logarithm.
struct Class {
    uint32_t weight;
    std::vector<Bidder> bidders;
};

/// The heaviest first: it often wins, and then most of the others need no logarithm either.
std::vector<Class> sort_by_weight(std::span<const Candidate> candidates) {
    std::vector<uint32_t> order(candidates.size());
    for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::sort(order, [&](uint32_t a, uint32_t b) {
        return std::tie(candidates[b].weight, candidates[a].address) <
               std::tie(candidates[a].weight, candidates[b].address);
    });
    std::vector<Class> classes;
    for (uint32_t i : order) {
        assert(candidates[i].weight > 0);
        if (classes.empty() || classes.back().weight != candidates[i].weight) {
            classes.push_back({candidates[i].weight, {}});
        }
        classes.back().bidders.push_back({hash(candidates[i].address), i});
    }
    return classes;
}

struct Bid {
    uint64_t draw = 0;
    uint32_t candidate = 0;
};

Bid highest(const Class& of, uint64_t entry) {
    Bid best;
    for (const auto& bidder : of.bidders) {
        uint64_t draw = mix(bidder.hash ^ entry);
        if (draw >= best.draw) best = {draw, bidder.candidate};
    }
    return best;
}

/// At most negative_log2(draw), near it for the large draws that win: -log2(1 - v) > v / ln 2 > (1 + 7/16) v.
uint64_t least_log2(uint64_t draw) {
    uint64_t v = ~draw >> (64 - kLogBits);
    return v + v * 7 / 16;
}

uint32_t winner(std::span<const Class> classes, uint64_t entry) {
    uint32_t best = 0, best_weight = 0;
    uint64_t best_log = 0;
    for (const auto& of : classes) {
        Bid bid = highest(of, entry);
        if (classes.size() == 1) return bid.candidate;
        // log / weight < best_log / best_weight, without a division; a log is below 2^47
        auto loses = [&](uint64_t log) {
            return best_weight != 0 && log * best_weight >= best_log * of.weight;
        };
        if (loses(least_log2(bid.draw))) continue;
        uint64_t log = negative_log2(std::max<uint64_t>(bid.draw, 1));
        if (loses(log)) continue;
        best = bid.candidate;
        best_weight = of.weight;
        best_log = log;
    }
    return best;
}

}  // namespace

std::vector<uint32_t> build_rendezvous(std::span<const Candidate> candidates, uint32_t size) {
    if (candidates.empty()) return {};
    const auto classes = sort_by_weight(candidates);
    std::vector<uint32_t> table(size);
    for (uint32_t entry = 0; entry < size; ++entry) table[entry] = winner(classes, mix(entry));
    return table;
}

}  // namespace weir::sched
