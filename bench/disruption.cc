// Prints the tables of doc/schedulers.md: what moves when backends go or weights change, how exact shares
// are, what building costs. Everything but the times is the same on each run and machine.
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <limits>
#include <numeric>

#include "bench/measure.h"
#include "sched/hash.h"
#include "sched/table.h"

namespace {

using namespace weir;
using sched::Candidate;
using Candidates = std::vector<Candidate>;
using Table = std::vector<uint32_t>;
using Builder = std::function<Table(std::span<const Candidate>, uint32_t)>;

constexpr int kTrials = 10;
constexpr uint32_t kDefaultSize = 65537;

Candidates make(uint32_t count, uint32_t trial, const std::function<uint32_t(uint32_t)>& weight) {
    Candidates all;
    for (uint32_t i = 0; i < count; ++i) {
        all.push_back({net::Ip::v4({10, uint8_t(trial), uint8_t(i >> 8), uint8_t(i)}), weight(i)});
    }
    return all;
}

uint32_t equal(uint32_t) {
    return 1;
}
uint32_t one_or_ten(uint32_t i) {
    return i % 2 != 0 ? 10 : 1;
}

/// The paper's own turns, for candidates of one weight, over the same permutations.
Table build_in_turns(std::span<const Candidate> candidates, uint32_t size) {
    struct Walker {
        uint32_t position, skip;
    };
    std::vector<Walker> walkers;
    for (const auto& candidate : candidates) {
        uint64_t h = sched::hash(candidate.address);
        walkers.push_back({uint32_t(sched::mix(h + 1) % size), uint32_t(1 + sched::mix(h + 2) % (size - 1))});
    }
    constexpr uint32_t kFree = std::numeric_limits<uint32_t>::max();
    Table table(size, kFree);
    for (uint32_t filled = 0; filled < size; ++filled) {
        uint32_t turn = filled % walkers.size();
        auto& [position, skip] = walkers[turn];
        while (table[position] != kFree)
            position = position + skip < size ? position + skip : position + skip - size;
        table[position] = turn;
    }
    return table;
}

struct Moves {
    double own = 0;         // to or from the candidate that changed
    double collateral = 0;  // between two others
};

/// In per cent of the table. `changed` differs between the two lists, by weight or by absence.
Moves compare(const Candidates& before, const Candidates& after, const net::Ip& changed, const Builder& build,
              uint32_t size) {
    auto old_table = build(before, size), new_table = build(after, size);
    uint32_t own = 0, collateral = 0;
    for (uint32_t entry = 0; entry < size; ++entry) {
        const auto& from = before[old_table[entry]].address;
        const auto& to = after[new_table[entry]].address;
        if (from == to) continue;
        ++(from == changed || to == changed ? own : collateral);
    }
    return {100.0 * own / size, 100.0 * collateral / size};
}

Moves remove_one(uint32_t count, uint32_t size, const Builder& build, int trials) {
    Moves sum;
    for (int trial = 0; trial < trials; ++trial) {
        auto before = make(count, trial, equal), after = before;
        auto gone = before.begin() + int(sched::mix(trial) % count);
        after.erase(after.begin() + (gone - before.begin()));
        auto moves = compare(before, after, gone->address, build, size);
        sum.own += moves.own / trials;
        sum.collateral += moves.collateral / trials;
    }
    return sum;
}

void print_removals() {
    fmt::print(
        "### One of N equal backends goes: entries that move between survivors, % of the table\n\n"
        "| M | algorithm | N = 10 | 100 | 400 | 1000 |\n|---|---|---|---|---|---|\n");
    auto row = [](uint32_t size, std::string_view name, const Builder& build) {
        fmt::print("| {} | {} |", size, name);
        for (uint32_t count : {10, 100, 400, 1000}) {
            fmt::print(" {:.2f} |", remove_one(count, size, build, kTrials).collateral);
        }
        fmt::print("\n");
    };
    for (uint32_t size : {16381, 65537, 655373}) {
        row(size, "turns (the paper)", build_in_turns);
        row(size, "**weir**", sched::build_maglev);
    }
    fmt::print("\n");
}

struct Change {
    std::string_view others;
    std::function<uint32_t(uint32_t)> weight;
    uint32_t from, to;
};

void print_change(const Change& change, uint32_t count) {
    constexpr uint32_t kChanged = 1;
    Moves sum;
    double least = 0;
    for (int trial = 0; trial < kTrials; ++trial) {
        auto before = make(count, trial, change.weight);
        before[kChanged].weight = change.from;
        auto after = before;
        after[kChanged].weight = change.to;
        auto moves = compare(before, after, before[kChanged].address, sched::build_maglev, kDefaultSize);
        sum.own += moves.own / kTrials;
        sum.collateral += moves.collateral / kTrials;
        double rest = 0;
        for (const auto& candidate : before) rest += candidate.weight;
        rest -= change.from;
        least = 100 * std::abs(change.to / (rest + change.to) - change.from / (rest + change.from));
    }
    fmt::print("| {} | {} | {} → {} | {:.3f} | {:.3f} | {:.3f} |\n", count, change.others, change.from,
               change.to, least, sum.own, sum.collateral);
}

void print_weight_changes() {
    fmt::print(
        "### One backend's weight changes, M = {}, % of the table\n\n"
        "| N | the others weigh | change | its share changes by | entries to or from it | between others |\n"
        "|---|---|---|---|---|---|\n",
        kDefaultSize);
    auto hundred = [](uint32_t) { return 100U; };
    auto ten = [](uint32_t) { return 10U; };
    const std::vector<Change> changes = {
        {"1", equal, 1, 2},        {"10", ten, 10, 5},        {"1 and 10", one_or_ten, 10, 5},
        {"100", hundred, 1, 10},   {"100", hundred, 10, 25},  {"100", hundred, 25, 50},
        {"100", hundred, 50, 100}, {"100", hundred, 99, 100},
    };
    for (uint32_t count : {10, 100, 400}) {
        for (const auto& change : changes) print_change(change, count);
    }
    fmt::print("\n");
}

/// The largest error of any candidate's share against its weight's, in per cent of the latter.
double worst_error(const Candidates& candidates, const Builder& build) {
    std::vector<double> entries(candidates.size());
    for (uint32_t owner : build(candidates, kDefaultSize)) ++entries[owner];
    double total = 0, worst = 0;
    for (const auto& candidate : candidates) total += candidate.weight;
    for (size_t i = 0; i < candidates.size(); ++i) {
        double share = candidates[i].weight * double(kDefaultSize) / total;
        worst = std::max(worst, std::abs(entries[i] - share) / share);
    }
    return 100 * worst;
}

void print_errors() {
    fmt::print(
        "### Largest error of a share, % of that share, M = {}\n\n| scheduler | weights | N = 10 | 100 | 400 "
        "| 1000 |\n"
        "|---|---|---|---|---|---|\n",
        kDefaultSize);
    auto row = [](std::string_view scheduler, std::string_view name, auto weight, const Builder& build) {
        fmt::print("| {} | {} |", scheduler, name);
        for (uint32_t count : {10, 100, 400, 1000})
            fmt::print(" {:.2f} |", worst_error(make(count, 0, weight), build));
        fmt::print("\n");
    };
    row("maglev", "all equal", equal, sched::build_maglev);
    row("maglev", "1 and 10, half each", one_or_ten, sched::build_maglev);
    row("rendezvous", "all equal", equal, sched::build_rendezvous);
    row("rendezvous", "1 and 10, half each", one_or_ten, sched::build_rendezvous);
    fmt::print("\n");
}

/// Of the processor, so that other work on the machine counts little.
double cpu_ms() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return double(now.tv_sec) * 1e3 + double(now.tv_nsec) / 1e6;
}

double median_ms(const Candidates& candidates, uint32_t size, const Builder& build, int rounds) {
    std::vector<double> times;
    for (int round = 0; round < rounds; ++round) {
        double start = cpu_ms();
        if (build(candidates, size).size() != size) std::abort();
        times.push_back(cpu_ms() - start);
    }
    std::ranges::nth_element(times, times.begin() + rounds / 2);
    return times[rounds / 2];
}

void print_times() {
    fmt::print(
        "### Building a table, ms of processor time, medians\n\n| M | scheduler | weights | N = 10 | 100 | "
        "400 | 1000 |\n"
        "|---|---|---|---|---|---|---|\n");
    auto row = [](uint32_t size, std::string_view name, std::string_view weights, auto weight,
                  const Builder& build, int rounds) {
        fmt::print("| {} | {} | {} |", size, name, weights);
        for (uint32_t count : {10, 100, 400, 1000}) {
            fmt::print(" {:.2f} |", median_ms(make(count, 0, weight), size, build, rounds));
        }
        fmt::print("\n");
    };
    for (uint32_t size : {16381, 65537, 655373}) {
        int rounds = size > kDefaultSize ? 11 : 101;
        row(size, "turns (the paper)", "equal", equal, build_in_turns, rounds);
        row(size, "**maglev**", "equal", equal, sched::build_maglev, rounds);
        row(size, "**maglev**", "1 and 10", one_or_ten, sched::build_maglev, rounds);
    }
    row(kDefaultSize, "rendezvous", "equal", equal, sched::build_rendezvous, 5);
    row(kDefaultSize, "rendezvous", "1 and 10", one_or_ten, sched::build_rendezvous, 5);
    row(
        kDefaultSize, "rendezvous", "all different", [](uint32_t i) { return i + 1; },
        sched::build_rendezvous, 5);
}

}  // namespace

int main() {
    return weir::bench::status_of([] {
        print_removals();
        print_weight_changes();
        print_errors();
        print_times();
        return 0;
    });
}
