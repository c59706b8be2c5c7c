#include "sched/table.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "sched/log2.h"

namespace weir::sched {
namespace {

constexpr uint32_t kSize = 65537;
using Candidates = std::vector<Candidate>;

Candidate backend(uint32_t number, uint32_t weight = 1) {
    return {net::Ip::v4({10, 0, uint8_t(number >> 8), uint8_t(number)}), weight};
}

Candidates equal(uint32_t count, uint32_t weight = 1) {
    Candidates all;
    for (uint32_t i = 0; i < count; ++i) all.push_back(backend(i, weight));
    return all;
}

Candidates one_and_ten(uint32_t count) {
    Candidates all;
    for (uint32_t i = 0; i < count; ++i) all.push_back(backend(i, i % 2 != 0 ? 10 : 1));
    return all;
}

std::vector<uint32_t> entries_each(const std::vector<uint32_t>& table, size_t candidates) {
    std::vector<uint32_t> count(candidates);
    for (uint32_t owner : table) ++count.at(owner);
    return count;
}

std::vector<net::Ip> by_address(const std::vector<uint32_t>& table, const Candidates& candidates) {
    std::vector<net::Ip> owners;
    for (uint32_t owner : table) owners.push_back(candidates.at(owner).address);
    return owners;
}

/// The share of the entries, in per cent, that move between two candidates neither of which is `changed`.
double collateral(const std::vector<net::Ip>& before, const std::vector<net::Ip>& after,
                  const net::Ip& changed) {
    size_t moved = 0;
    for (size_t i = 0; i < before.size(); ++i) {
        moved += before[i] != after[i] && before[i] != changed && after[i] != changed;
    }
    return 100.0 * double(moved) / double(before.size());
}

/// As collateral(), when one of `count` equal candidates goes; the mean over a few of them.
double collateral_of_removal(uint32_t count, const std::vector<uint32_t>& gone) {
    auto all = equal(count);
    auto before = by_address(build_maglev(all, kSize), all);
    double sum = 0;
    for (uint32_t index : gone) {
        auto rest = all;
        rest.erase(rest.begin() + index);
        sum += collateral(before, by_address(build_maglev(rest, kSize), rest), all[index].address);
    }
    return sum / double(gone.size());
}

struct WeightMove {
    double share;       // by how much its share of the table changes
    double own;         // entries to or from it
    double collateral;  // entries between others
};

WeightMove change_weight(Candidates candidates, uint32_t index, uint32_t weight) {
    auto old_table = build_maglev(candidates, kSize);
    auto before = by_address(old_table, candidates);
    candidates[index].weight = weight;
    auto new_table = build_maglev(candidates, kSize);
    auto after = by_address(new_table, candidates);
    double own = 0;
    for (size_t i = 0; i < before.size(); ++i) {
        own += before[i] != after[i] && (old_table[i] == index || new_table[i] == index);
    }
    double share =
        std::abs(double(std::ranges::count(old_table, index)) - double(std::ranges::count(new_table, index)));
    return {100 * share / kSize, 100 * own / kSize, collateral(before, after, candidates[index].address)};
}

TEST(Maglev, GivesEveryWeightItsShareWithinOnePercent) {
    for (uint32_t count : {10U, 100U, 400U}) {
        auto candidates = one_and_ten(count);
        auto entries = entries_each(build_maglev(candidates, kSize), count);
        double total = 5.5 * count;
        for (uint32_t i = 0; i < count; ++i) {
            double share = candidates[i].weight * kSize / total;
            EXPECT_NEAR(entries[i] / share, 1, 0.01)
                << count << " candidates, weight " << candidates[i].weight;
        }
    }
}

TEST(Maglev, GivesEqualWeightsSharesThatDifferByOneEntryAtMost) {
    for (uint32_t count : {2U, 3U, 10U, 100U, 1000U}) {
        auto entries = entries_each(build_maglev(equal(count, 7), kSize), count);
        auto [least, most] = std::ranges::minmax(entries);
        EXPECT_LE(most - least, 1) << count;
        EXPECT_EQ(std::accumulate(entries.begin(), entries.end(), 0U), kSize);
    }
}

TEST(Maglev, SharesAThousandToOne) {
    Candidates candidates = {backend(1, 1000), backend(2, 1)};
    EXPECT_THAT(entries_each(build_maglev(candidates, kSize), 2), testing::ElementsAre(65472, 65));
}

TEST(Maglev, LooksAtTheRatioOfWeightsOnly) {
    EXPECT_EQ(build_maglev(equal(10, 1), 4093), build_maglev(equal(10, 1000), 4093));
}

TEST(Maglev, MovesHalfOfWhatThePaperMovesWhenOneOfManyGoes) {
    // The paper's algorithm: 0.22, 0.57, 0.95, 0.58.
    EXPECT_LT(collateral_of_removal(10, {0, 3, 5, 9}), 0.18);
    EXPECT_LT(collateral_of_removal(100, {0, 33, 57, 99}), 0.35);
    EXPECT_LT(collateral_of_removal(400, {0, 133, 257, 399}), 0.5);
    EXPECT_LT(collateral_of_removal(1000, {0, 333, 557, 999}), 0.4);
}

TEST(Maglev, MovesLittleMoreThanItsOwnShareWhenAWeightChanges) {
    struct Case {
        Candidates candidates;
        uint32_t weight;
    };
    for (const auto& [candidates, weight] :
         {Case{equal(10, 10), 5}, Case{one_and_ten(10), 5}, Case{equal(100, 10), 5}, Case{equal(100), 2},
          Case{equal(100, 100), 25}, Case{one_and_ten(400), 5}, Case{equal(100, 100), 99}}) {
        auto moved = change_weight(candidates, 1, weight);
        EXPECT_LE(moved.own, moved.share + 0.01) << candidates.size() << " to " << weight;
        EXPECT_LT(moved.collateral, 0.4) << candidates.size() << " to " << weight;
    }
}

TEST(Maglev, GivesAllToASingleCandidate) {
    EXPECT_THAT(build_maglev(equal(1, 1000), 251), testing::AllOf(testing::SizeIs(251), testing::Each(0U)));
}

TEST(Maglev, GivesAnEntryEachToAsManyAsThereAreEntries) {
    auto entries = entries_each(build_maglev(equal(300), 251), 300);
    EXPECT_EQ(std::ranges::count(entries, 1U), 251);
    EXPECT_EQ(std::ranges::count(entries, 0U), 49);
}

TEST(Maglev, FillsTablesOfAnySize) {
    for (uint32_t size : {1U, 2U, 3U, 4U, 6U, 7U, 100U, 256U}) {
        for (uint32_t count : {1U, 2U, 5U, 60U}) {
            auto table = build_maglev(one_and_ten(count), size);
            EXPECT_THAT(table, testing::AllOf(testing::SizeIs(size), testing::Each(testing::Lt(count))));
        }
    }
}

TEST(Rendezvous, MovesNothingBetweenSurvivors) {
    auto all = one_and_ten(50);
    auto before = by_address(build_rendezvous(all, 4093), all);
    auto rest = all;
    rest.erase(rest.begin() + 7);
    EXPECT_EQ(collateral(before, by_address(build_rendezvous(rest, 4093), rest), all[7].address), 0);
    rest = all;
    rest[7].weight = 5;
    EXPECT_EQ(collateral(before, by_address(build_rendezvous(rest, 4093), rest), all[7].address), 0);
}

TEST(Rendezvous, GivesEveryWeightItsShareOnAverage) {
    auto candidates = one_and_ten(100);
    auto entries = entries_each(build_rendezvous(candidates, kSize), 100);
    double light = 0;
    for (uint32_t i = 0; i < 100; i += 2) light += entries[i];
    // 50 light ones expect 5958 entries together, with a standard deviation of 74.
    EXPECT_NEAR(light, 5958, 4 * 74);
}

TEST(Rendezvous, RanksManyDifferentWeights) {
    Candidates candidates;
    for (uint32_t i = 0; i < 40; ++i) candidates.push_back(backend(i, 1 + 25 * i));
    auto entries = entries_each(build_rendezvous(candidates, kSize), 40);
    double total = 40 + 25 * 39 * 20;
    for (uint32_t i = 0; i < 40; ++i) {
        double share = candidates[i].weight * kSize / total;
        EXPECT_NEAR(entries[i], share, 4.5 * std::sqrt(share) + 1) << i;
    }
}

TEST(Turns, GoRoundAndRoundWhereWeightsAreEqual) {
    auto table = build_turns(equal(7), 700);
    for (size_t i = 0; i < table.size(); ++i) EXPECT_EQ(table[i], table[i % 7]) << i;
    auto round = std::vector(table.begin(), table.begin() + 7);
    std::ranges::sort(round);
    EXPECT_THAT(round, testing::ElementsAre(0, 1, 2, 3, 4, 5, 6));
}

TEST(Turns, ShareByWeightInEveryStretch) {
    Candidates candidates = {backend(1, 5), backend(2, 1), backend(3, 2), backend(4, 1000)};
    auto table = build_turns(candidates, kSize);
    for (auto [first, count] : {std::pair(0U, kSize), {0U, 1008U}, {5000U, 20160U}}) {
        std::vector<uint32_t> stretch(table.begin() + first, table.begin() + first + count);
        auto entries = entries_each(stretch, 4);
        for (size_t i = 0; i < 4; ++i)
            EXPECT_NEAR(entries[i], candidates[i].weight * count / 1008.0, 1) << first << " " << i;
    }
}

TEST(Turns, KeepTheHeavyFromComingInARow) {
    auto table = build_turns(Candidates{backend(1, 3), backend(2, 1), backend(3, 1), backend(4, 1)}, 600);
    for (size_t i = 0; i + 2 < table.size(); ++i)
        EXPECT_FALSE(table[i] == table[i + 1] && table[i] == table[i + 2]) << i;
}

class Table : public testing::TestWithParam<model::SchedulerKind> {
  protected:
    std::vector<uint32_t> build(const Candidates& candidates, uint32_t size) {
        return build_table({.kind = GetParam(), .table_size = size}, candidates);
    }
};

TEST_P(Table, IsEmptyWithoutCandidates) {
    EXPECT_THAT(build({}, 251), testing::IsEmpty());
}

TEST_P(Table, DoesNotDependOnTheOrderOfTheList) {
    auto candidates = one_and_ten(60);
    candidates.push_back({net::Ip::parse("2001:db8::1").value(), 3});
    candidates.push_back({net::Ip::parse("2001:db8::2").value(), 1});
    auto sorted = by_address(build(candidates, 4093), candidates);
    std::mt19937 random(1);
    for (int i = 0; i < 5; ++i) {
        std::ranges::shuffle(candidates, random);
        EXPECT_EQ(by_address(build(candidates, 4093), candidates), sorted);
    }
}

TEST_P(Table, TellsAnIpv4AddressFromTheSameBytesInIpv6) {
    auto table =
        build({{net::Ip::parse("10.0.0.1").value(), 1}, {net::Ip::parse("a00:1::").value(), 1}}, 4093);
    EXPECT_NEAR(double(std::ranges::count(table, 0U)), 4093 / 2.0, 150);
}

TEST_P(Table, IsTheOneThatTheOracleBuilds) {
    auto table = build({backend(1), backend(2, 2), {net::Ip::parse("2001:db8::1").value(), 3}}, 13);
    if (GetParam() == model::SchedulerKind::maglev) {
        EXPECT_THAT(table, testing::ElementsAre(2, 2, 0, 2, 1, 0, 1, 2, 2, 2, 2, 1, 1));
    } else if (GetParam() == model::SchedulerKind::rr) {
        EXPECT_THAT(table, testing::ElementsAre(2, 1, 2, 0, 1, 2, 2, 1, 2, 0, 1, 2, 2));
    } else {
        EXPECT_THAT(table, testing::ElementsAre(1, 0, 2, 2, 2, 2, 1, 2, 2, 2, 2, 1, 2));
    }
}

INSTANTIATE_TEST_SUITE_P(Schedulers, Table,
                         testing::Values(model::SchedulerKind::maglev, model::SchedulerKind::rendezvous,
                                         model::SchedulerKind::rr),
                         [](const auto& kind) { return std::string(model::to_text(kind.param)); });

TEST(NegativeLog2, IsWithinTwoUnitsOfTheRealOne) {
    std::mt19937_64 random(1);
    for (int i = 0; i < 100000; ++i) {
        uint64_t u = random() >> (random() % 64);
        if (u == 0) continue;
        long double real = (64 - std::log2(static_cast<long double>(u))) * (uint64_t{1} << kLogBits);
        ASSERT_NEAR(static_cast<double>(real - static_cast<long double>(negative_log2(u))), 0, 2) << u;
    }
}

TEST(NegativeLog2, IsExactForPowersOfTwoAndPositiveForTheLargest) {
    EXPECT_EQ(negative_log2(uint64_t{1} << 63), uint64_t{1} << kLogBits);
    EXPECT_EQ(negative_log2(1), uint64_t{64} << kLogBits);
    EXPECT_EQ(negative_log2(~uint64_t{0}), 1);
}

}  // namespace
}  // namespace weir::sched
