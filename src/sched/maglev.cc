// Maglev with quotas: the paper's permutations, another way to hand out the entries.
//
// The paper lets the candidates claim in turns: each turn, everybody takes the next free entry of its own
// permutation. That shares evenly, but whoever finds an entry taken moves on at once, so one candidate's
// absence shifts the others' later claims. Here they race instead:
//   1. Each walks its permutation at the pace of its weight; an entry belongs to whoever reaches it first.
//   Who wins
//      between two does not depend on a third, so nothing moves between survivors.
//   2. Chance gives some too much: they give back the entries that they reached last, down to their exact
//   quota.
//   3. Those below their quota walk on, one step a round, and take what is free.
// Steps 2 and 3 concern a few per cent of the table. doc/schedulers.md has the bits and the measurements.
#include <algorithm>
#include <cassert>
#include <limits>
#include <numeric>

#include "sched/hash.h"
#include "sched/log2.h"
#include "sched/table.h"

namespace weir::sched {
namespace {

constexpr uint32_t kFree = std::numeric_limits<uint32_t>::max();
constexpr int kClockBits =
    40;  // a clock of 2^40 ticks a unit, in which a candidate alone reaches 1 - 1/e of the table
constexpr int kPaceBits = 32;  // a weight's reciprocal
constexpr int kRankBits = 20;  // arrival and rank share a word: the smaller word came first
constexpr uint64_t kRaceEnd = uint64_t{3}
                              << kClockBits;  // by then all but e^-3 of the entries have been reached

struct Runner {
    uint64_t hash;
    uint32_t candidate;  // index in the caller's list
    uint32_t weight;
    uint32_t position;  // the entry that it comes to next
    uint32_t skip;
    uint32_t quota = 0;
    uint32_t owned = 0;
};

/// In the order that decides all ties: by hash, then by address.
std::vector<Runner> line_up(std::span<const Candidate> candidates, uint32_t size) {
    std::vector<Runner> runners;
    runners.reserve(candidates.size());
    for (const auto& candidate : candidates) {
        assert(candidate.weight > 0);
        uint64_t h = hash(candidate.address);
        auto offset = static_cast<uint32_t>(mix(h + 1) % size);
        auto skip = size > 1 ? static_cast<uint32_t>(1 + mix(h + 2) % (size - 1)) : 1;
        while (std::gcd(skip, size) != 1) ++skip;  // never, with a prime
        auto index = static_cast<uint32_t>(runners.size());
        runners.push_back(
            {.hash = h, .candidate = index, .weight = candidate.weight, .position = offset, .skip = skip});
    }
    std::ranges::sort(runners, [&](const Runner& a, const Runner& b) {
        if (a.hash != b.hash) return a.hash < b.hash;
        return candidates[a.candidate].address < candidates[b.candidate].address;
    });
    return runners;
}

uint64_t total_weight(std::span<const Runner> runners) {
    return std::transform_reduce(runners.begin(), runners.end(), uint64_t{0}, std::plus{},
                                 [](const Runner& runner) { return runner.weight; });
}

/// Whole numbers that sum up to `size`: each share rounded up where that mends the larger relative error.
void set_quotas(std::span<Runner> runners, uint32_t size) {
    struct Rounding {
        int64_t excess;  // twice what rounding down loses, less one entry, in units of 1 / total weight
        uint32_t weight;
        uint32_t rank;
    };
    const uint64_t total = total_weight(runners);
    std::vector<Rounding> roundings;
    roundings.reserve(runners.size());
    uint64_t left = size;
    for (uint32_t rank = 0; rank < runners.size(); ++rank) {
        auto& runner = runners[rank];
        uint64_t share = uint64_t{runner.weight} * size;
        runner.quota = static_cast<uint32_t>(share / total);
        left -= runner.quota;
        roundings.push_back(
            {static_cast<int64_t>(2 * (share % total)) - static_cast<int64_t>(total), runner.weight, rank});
    }
    std::ranges::sort(roundings, [](const Rounding& a, const Rounding& b) {
        int64_t left_side = a.excess * b.weight, right_side = b.excess * a.weight;
        return left_side != right_side ? left_side > right_side : a.rank < b.rank;
    });
    for (uint64_t i = 0; i < left; ++i) ++runners[roundings[i].rank].quota;
}

/// When a walker of weight 1 comes to its first, second, … entry: the sum of 1/size + 1/(size - 1) + …, which
/// follows -ln(1 - steps/size). On such a clock each candidate wins its weight's share, whatever the others
/// weigh.
std::vector<uint64_t> make_clock(uint32_t size, uint64_t end) {
    std::vector<uint64_t> clock;
    uint64_t now = 0;
    while (clock.size() < size && now <= end) {
        now += (uint64_t{1} << kClockBits) / (size - clock.size());
        clock.push_back(now);
    }
    return clock;
}

uint32_t next(uint32_t position, uint32_t skip, uint32_t size) {
    uint32_t sum = position + skip;
    return sum >= size ? sum - size : sum;
}

/// The rank of whoever comes to each entry first; kFree where nobody came before the race ended.
std::vector<uint32_t> race(std::span<Runner> runners, uint32_t size) {
    const uint64_t total = total_weight(runners);
    const uint32_t heaviest = std::ranges::max(runners, {}, &Runner::weight).weight;
    const auto clock = make_clock(size, kRaceEnd / total * heaviest);

    std::vector<uint64_t> first(size, std::numeric_limits<uint64_t>::max());
    for (uint64_t rank = 0; rank < runners.size(); ++rank) {
        auto& runner = runners[rank];
        const uint64_t pace = (uint64_t{1} << kPaceBits) / runner.weight;
        const auto end = std::ranges::upper_bound(clock, kRaceEnd / total * runner.weight);
        uint32_t position = runner.position;
        for (auto now = clock.begin(); now != end; ++now) {
            auto arrival = static_cast<uint64_t>(Uint128{*now} * pace >> kPaceBits);
            first[position] = std::min(first[position], arrival << kRankBits | rank);
            position = next(position, runner.skip, size);
        }
        runner.position = position;
    }

    std::vector<uint32_t> owners(size, kFree);
    for (uint32_t entry = 0; entry < size; ++entry) {
        if (first[entry] == std::numeric_limits<uint64_t>::max()) continue;
        owners[entry] = static_cast<uint32_t>(first[entry] & ((1U << kRankBits) - 1));
        ++runners[owners[entry]].owned;
    }
    return owners;
}

/// Whoever has more than its quota gives back what it came to last.
void trim(std::span<Runner> runners, std::vector<uint32_t>& owners) {
    auto size = static_cast<uint32_t>(owners.size());
    for (uint32_t rank = 0; rank < runners.size(); ++rank) {
        auto& runner = runners[rank];
        uint32_t position = runner.position;
        while (runner.owned > runner.quota) {
            position = next(position, size - runner.skip, size);  // a step back
            if (owners[position] != rank) continue;
            owners[position] = kFree;
            --runner.owned;
        }
    }
}

/// Whoever has less than its quota walks on, all at one pace, taking what is free.
void fill(std::span<const Runner> runners, std::vector<uint32_t>& owners) {
    struct Walker {  // only what the loop touches
        uint32_t position, skip, wants, rank;
    };
    std::vector<Walker> walkers;
    for (uint32_t rank = 0; rank < runners.size(); ++rank) {
        const auto& runner = runners[rank];
        if (runner.owned < runner.quota) {
            walkers.push_back({runner.position, runner.skip, runner.quota - runner.owned, rank});
        }
    }
    auto size = static_cast<uint32_t>(owners.size());
    std::vector<bool> free(size);  // a bit an entry stays in the first cache
    for (uint32_t entry = 0; entry < size; ++entry) free[entry] = owners[entry] == kFree;

    while (!walkers.empty()) {
        bool sated = false;
        for (auto& walker : walkers) {
            const uint32_t here = walker.position;
            walker.position = next(here, walker.skip, size);
            if (!free[here]) continue;
            free[here] = false;
            owners[here] = walker.rank;
            sated |= --walker.wants == 0;
        }
        if (sated) std::erase_if(walkers, [](const Walker& walker) { return walker.wants == 0; });
    }
}

}  // namespace

std::vector<uint32_t> build_maglev(std::span<const Candidate> candidates, uint32_t size) {
    if (candidates.empty() || size == 0) return {};
    assert(candidates.size() < (1U << kRankBits));
    auto runners = line_up(candidates, size);
    set_quotas(runners, size);
    auto table = race(runners, size);
    trim(runners, table);
    fill(runners, table);
    for (auto& entry : table) entry = runners[entry].candidate;
    return table;
}

}  // namespace weir::sched
