#include <algorithm>
#include <cassert>
#include <queue>

#include "sched/hash.h"
#include "sched/table.h"

namespace weir::sched {
namespace {

struct Turn {
    uint64_t due;   // in 2^-32 of a unit
    uint32_t rank;  // decides between equals
    uint32_t candidate;
    uint64_t taken = 0;

    bool operator>(const Turn& other) const { return due != other.due ? due > other.due : rank > other.rank; }
};

uint64_t due(uint64_t taken, uint32_t weight) {
    return ((2 * taken + 1) << 31) / weight;
}

/// By hash, then by address: as in all tables, the order in the list does not matter.
std::vector<uint32_t> in_order(std::span<const Candidate> candidates) {
    std::vector<uint32_t> order(candidates.size());
    for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::sort(order, [&](uint32_t a, uint32_t b) {
        auto hash_a = hash(candidates[a].address), hash_b = hash(candidates[b].address);
        return hash_a != hash_b ? hash_a < hash_b : candidates[a].address < candidates[b].address;
    });
    return order;
}

}  // namespace

std::vector<uint32_t> build_turns(std::span<const Candidate> candidates, uint32_t size) {
    if (candidates.empty()) return {};
    std::priority_queue<Turn, std::vector<Turn>, std::greater<>> turns;
    auto order = in_order(candidates);
    for (uint32_t rank = 0; rank < order.size(); ++rank) {
        assert(candidates[order[rank]].weight > 0);
        turns.push({due(0, candidates[order[rank]].weight), rank, order[rank]});
    }
    std::vector<uint32_t> table;
    table.reserve(size);
    while (table.size() < size) {
        auto turn = turns.top();
        turns.pop();
        table.push_back(turn.candidate);
        turn.due = due(++turn.taken, candidates[turn.candidate].weight);
        turns.push(turn);
    }
    return table;
}

}  // namespace weir::sched
