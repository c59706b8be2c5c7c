#include "engine/proxy/chooser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <thread>

#include "sched/table.h"

namespace weir::engine::proxy {
namespace {

using model::SchedulerKind;
using testing::Each;
using Tried = std::span<const size_t>;

constexpr SchedulerKind kAll[] = {SchedulerKind::maglev, SchedulerKind::rendezvous, SchedulerKind::rr,
                                  SchedulerKind::random, SchedulerKind::wlc};

net::Ip ip(const std::string& text) {
    return net::Ip::parse(text).value();
}

net::Endpoint client(uint32_t number, uint16_t port = 40000) {
    return {net::Ip::v4({10, static_cast<uint8_t>(number >> 16), static_cast<uint8_t>(number >> 8),
                         static_cast<uint8_t>(number)}),
            net::Port(port)};
}

/// Targets of these weights, and the table that the control thread would build of those that have one.
Route route_of(SchedulerKind kind, const std::vector<uint32_t>& weights, std::string service = "web") {
    Route route{.service = std::move(service), .scheduler = kind};
    std::vector<sched::Candidate> candidates;
    std::vector<uint32_t> places;
    for (uint32_t i = 0; i < weights.size(); ++i) {
        auto backend = ip("192.0.2." + std::to_string(i + 1));
        route.targets.push_back({.backend = {backend, net::Port(80)},
                                 .weight = weights[i],
                                 .tallies = std::make_shared<Tallies>(2)});
        if (weights[i] == 0) continue;
        candidates.push_back({backend, weights[i]});
        places.push_back(i);
    }
    std::vector<uint32_t> table;
    if (kind == SchedulerKind::maglev) table = sched::build_maglev(candidates, 65537);
    if (kind == SchedulerKind::rendezvous) table = sched::build_rendezvous(candidates, 16381);
    for (auto& entry : table) entry = places[entry];
    route.table = std::make_shared<const std::vector<uint32_t>>(std::move(table));
    return route;
}

void set_active(Route& route, size_t place, uint64_t first, uint64_t second = 0) {
    route.targets[place].tallies->by_worker[0].active = first;
    route.targets[place].tallies->by_worker[1].active = second;
}

/// How many of so many connections each gets. With `keep` they stay.
std::vector<int> shares(Chooser& chooser, Route& route, int connections, bool keep = false,
                        Tried tried = {}) {
    std::vector<int> counts(route.targets.size());
    for (int i = 0; i < connections; ++i) {
        auto place = chooser.choose(route, client(static_cast<uint32_t>(i)), tried);
        if (!place) continue;
        ++counts[*place];
        if (keep) ++route.targets[*place].tallies->by_worker[static_cast<size_t>(i) % 2].active;
    }
    return counts;
}

/// Chance may explain each count: five times its deviation, and what the table's own error is.
void expect_weighted(const std::vector<int>& counts, const std::vector<uint32_t>& weights, double slack = 0) {
    const double all = std::accumulate(counts.begin(), counts.end(), 0);
    const double weight = std::accumulate(weights.begin(), weights.end(), 0.0);
    for (size_t i = 0; i < weights.size(); ++i) {
        const double share = all * weights[i] / weight;
        EXPECT_NEAR(counts[i], share, 5 * std::sqrt(share) + share * slack) << i;
    }
}

TEST(Chooser, ChoosesByWeightWhateverTheScheduler) {
    const std::vector<uint32_t> weights{1, 5, 10, 0, 4};
    for (auto kind : kAll) {
        SCOPED_TRACE(static_cast<int>(kind));
        auto route = route_of(kind, weights);
        Chooser chooser(7);
        const bool by_chance = kind == SchedulerKind::rendezvous;  // its table is
        auto counts = shares(chooser, route, 40000);
        EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), 0), 40000);
        expect_weighted(counts, weights, by_chance ? 0.1 : 0.02);
        EXPECT_EQ(counts[3], 0);
    }
}

TEST(Chooser, ChoosesByWeightAmongThoseThatAreLeft) {
    const size_t tried[] = {2};
    for (auto kind : kAll) {
        SCOPED_TRACE(static_cast<int>(kind));
        auto route = route_of(kind, {1, 5, 10, 0, 4, 7});
        route.targets[5].max_connections = 3;
        set_active(route, 5, 1, 2);
        Chooser chooser(7);
        auto counts = shares(chooser, route, 40000, false, tried);
        EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), 0), 40000);
        expect_weighted(counts, {1, 5, 0, 0, 4, 0}, kind == SchedulerKind::rendezvous ? 0.1 : 0.02);
    }
}

TEST(Chooser, FindsTheLastTargetThatTakesAny) {
    for (auto kind : kAll) {
        SCOPED_TRACE(static_cast<int>(kind));
        std::vector<uint32_t> weights(200, 100);
        weights[77] = 1;  // of the table hardly an entry
        auto route = route_of(kind, weights);
        for (size_t i = 0; i < 100; ++i)
            if (i != 77) {
                route.targets[i].max_connections = 1;
                set_active(route, i, 0, 1);
            }
        std::vector<size_t> tried(100);
        std::iota(tried.begin(), tried.end(), 100);
        Chooser chooser(1);
        for (uint32_t i = 0; i < 100; ++i) ASSERT_EQ(chooser.choose(route, client(i), tried), 77U);
        tried.push_back(77);
        ASSERT_EQ(chooser.choose(route, client(1), tried), std::nullopt);
        EXPECT_TRUE(Chooser::is_full(route, tried));
    }
}

TEST(Chooser, ChoosesNothingWhereNothingTakesAny) {
    const size_t both[] = {1, 0};
    for (auto kind : kAll) {
        SCOPED_TRACE(static_cast<int>(kind));
        Chooser chooser(1);
        EXPECT_EQ(chooser.choose(route_of(kind, {}), client(1), {}), std::nullopt);
        EXPECT_EQ(chooser.choose(route_of(kind, {0, 0}), client(1), {}), std::nullopt);
        EXPECT_EQ(chooser.choose(route_of(kind, {1, 1}), client(1), both), std::nullopt);
        auto bare = route_of(kind, {0, 1});
        bare.table.reset();
        EXPECT_EQ(chooser.choose(bare, client(1), {}), 1U);
        bare.table = std::make_shared<const std::vector<uint32_t>>(
            std::vector<uint32_t>{7, 0});  // of no target, and of one that takes nothing new
        EXPECT_EQ(chooser.choose(bare, client(1), {}), 1U);
    }
}

TEST(Chooser, SaysThatTargetsAreFullWhereOneWouldTakeMore) {
    auto route = route_of(SchedulerKind::rr, {1, 0, 1});
    for (auto& target : route.targets) target.max_connections = 2;
    set_active(route, 1, 2);
    EXPECT_FALSE(Chooser::is_full(route, {}));  // weight 0
    set_active(route, 0, 1, 1);
    EXPECT_TRUE(Chooser::is_full(route, {}));
    const size_t tried[] = {0};
    EXPECT_FALSE(Chooser::is_full(route, tried));
    Chooser chooser(1);
    EXPECT_EQ(chooser.choose(route, client(1), {}), 2U);
    set_active(route, 2, 0, 3);
    EXPECT_EQ(chooser.choose(route, client(1), {}), std::nullopt);
    EXPECT_TRUE(Chooser::is_full(route, tried));
    set_active(route, 0, 1);
    EXPECT_EQ(chooser.choose(route, client(1), {}), 0U);
}

TEST(Chooser, MovesNobodyByItsTableButThoseWhoseTargetIsTried) {
    for (auto kind : {SchedulerKind::maglev, SchedulerKind::rendezvous}) {
        auto route = route_of(kind, {3, 2, 1, 2});
        Chooser chooser(1);
        const size_t tried[] = {1};
        std::vector<int> moved_to(4);
        for (uint32_t i = 0; i < 20000; ++i) {
            auto before = chooser.choose(route, client(i), {});
            auto after = chooser.choose(route, client(i), tried);
            if (before == 1U)
                ++moved_to[after.value()];
            else
                ASSERT_EQ(before, after);
        }
        expect_weighted(moved_to, {3, 0, 1, 2}, 0.1);
    }
}

/// The places are of an independent program: twins must agree, whatever weir's version.
TEST(Chooser, AgreesByItsTableOnAllWorkersAndMachines) {
    auto route = route_of(SchedulerKind::maglev, {1, 1, 1, 1, 1}, "a-long-name");
    route.table = std::make_shared<const std::vector<uint32_t>>(std::vector<uint32_t>{0, 1, 2, 3, 4});
    for (uint32_t seed : {1, 99}) {
        Chooser chooser(seed);
        auto places = [&](Tried tried) {
            std::string text;
            for (uint32_t i = 0; i < 24; ++i)
                text += static_cast<char>('0' + chooser.choose(route, client(i), tried).value());
            return text;
        };
        const size_t third[] = {2};
        route.sticky.reset();
        EXPECT_EQ(places({}), "444033012323122220243024");
        EXPECT_EQ(places(third), "444033011333133400143044");
        route.sticky.emplace();
        EXPECT_EQ(places({}), "333332302102130402232421");
    }
}

TEST(Chooser, SendsOneClientsPortsToDifferentTargets) {
    auto route = route_of(SchedulerKind::maglev, {1, 2, 1});
    Chooser chooser(1);
    std::vector<int> counts(3);
    for (uint16_t port = 1; port < 20001; ++port)
        ++counts[chooser.choose(route, client(1, port), {}).value()];
    expect_weighted(counts, {1, 2, 1}, 0.02);
}

TEST(Chooser, SendsANetworkToOneTargetWhereItIsSticky) {
    auto route = route_of(SchedulerKind::maglev, {1, 1, 1, 1, 1, 1, 1, 1});
    route.sticky = model::Sticky{.v4 = 20, .v6 = 61};
    auto https = route;
    https.key.port = net::Port(443);
    Chooser chooser(1);
    auto place = [&](const char* text, uint16_t port) {
        return chooser.choose(route, {ip(text), net::Port(port)}, {}).value();
    };
    std::set<size_t> v4, v6;
    for (int i = 0; i < 64; ++i) {
        auto net4 = "10." + std::to_string(i) + ".";
        auto net6 = fmt::format("2001:db8:{:x}:", i);
        const auto here4 = place((net4 + "16.0").c_str(), 1), here6 = place((net6 + "8::").c_str(), 1);
        EXPECT_EQ(place((net4 + "31.255").c_str(), 65535), here4);
        EXPECT_EQ(place((net6 + "f:ffff::1").c_str(), 65535), here6);
        EXPECT_EQ(chooser.choose(https, {ip(net4 + "17.1"), net::Port(5)}, {}), here4);
        v4.insert(here4), v6.insert(here6);
    }
    EXPECT_EQ(v4.size(), 8U);
    EXPECT_EQ(v6.size(), 8U);
    int other = 0;
    for (int i = 0; i < 64; ++i) {
        auto net4 = "10." + std::to_string(i) + ".";
        other += place((net4 + "31.255").c_str(), 1) != place((net4 + "32.0").c_str(), 1);
    }
    EXPECT_GT(other, 40);  // 7 of 8 on average
}

TEST(Chooser, SendsAClientOfAnotherServiceElsewhere) {
    auto web = route_of(SchedulerKind::maglev, {1, 1, 1, 1, 1}), mail = web;
    mail.service = "mail";
    Chooser chooser(1);
    int same = 0;
    for (uint32_t i = 0; i < 10000; ++i)
        same += chooser.choose(web, client(i), {}) == chooser.choose(mail, client(i), {});
    EXPECT_NEAR(same, 2000, 200);
}

TEST(Chooser, TakesTurnsSmoothly) {
    auto route = route_of(SchedulerKind::rr, {5, 1, 1});
    for (uint32_t seed = 0; seed < 20; ++seed) {
        Chooser chooser(seed);
        shares(chooser, route, 14);  // wherever in a round it began
        std::string order;
        for (int i = 0; i < 14; ++i)
            order += static_cast<char>('a' + chooser.choose(route, client(1), {}).value());
        EXPECT_EQ(order.substr(0, 7), order.substr(7));
        EXPECT_EQ(std::ranges::count(order, 'b'), 2) << order;
        EXPECT_EQ(std::ranges::count(order, 'c'), 2) << order;
        EXPECT_EQ(order.find("aaaaaa"), std::string::npos) << order;  // five at most between others
    }
}

TEST(Chooser, BeginsTurnsWithAnyTarget) {
    auto route = route_of(SchedulerKind::rr, {1, 1, 1, 1});
    std::vector<int> first(4);
    for (uint32_t seed = 0; seed < 4000; ++seed) {
        Chooser chooser(seed);
        ++first[chooser.choose(route, client(1), {}).value()];
    }
    expect_weighted(first, {1, 1, 1, 1});
}

TEST(Chooser, OwesNobodyTurnsFromOtherWeights) {
    auto large = route_of(SchedulerKind::rr, {65535, 3, 40000});
    auto small = route_of(SchedulerKind::rr, {1, 1, 1});
    Chooser chooser(3);
    for (int rounds = 0; rounds < 20; ++rounds) {
        shares(chooser, large, 1 + rounds);
        EXPECT_THAT(shares(chooser, small, 300), Each(testing::AllOf(testing::Ge(98), testing::Le(102))));
    }
    auto fewer = route_of(SchedulerKind::rr, {1, 2});
    auto counts = shares(chooser, fewer, 300);
    EXPECT_NEAR(counts[0], 100, 2);
}

TEST(Chooser, TakesTurnsFairlyWhileATargetIsPassedBy) {
    auto route = route_of(SchedulerKind::rr, {1, 1, 1});
    Chooser chooser(3);
    const size_t tried[] = {0};
    EXPECT_EQ(shares(chooser, route, 3000, false, tried)[0], 0);
    auto counts = shares(chooser, route, 30);  // it is owed nothing for that time
    for (int count : counts) EXPECT_NEAR(count, 10, 2);
}

TEST(Chooser, ChoosesTheFewestConnectionsBesideTheWeightOnAllWorkers) {
    auto route = route_of(SchedulerKind::wlc, {1, 2, 3});
    set_active(route, 0, 2, 2);   // 4
    set_active(route, 1, 7, 0);   // 3.5
    set_active(route, 2, 0, 11);  // 3.67
    Chooser chooser(1);
    EXPECT_EQ(chooser.choose(route, client(1), {}), 1U);
    const size_t tried[] = {1};
    EXPECT_EQ(chooser.choose(route, client(1), tried), 2U);
    set_active(route, 1, 2, 6);  // 4
    EXPECT_EQ(chooser.choose(route, client(1), {}), 2U);
}

TEST(Chooser, KeepsConnectionsEvenByTheFewest) {
    auto route = route_of(SchedulerKind::wlc, {1, 2, 5});
    set_active(route, 2, 300);  // 300 too many
    Chooser chooser(1);
    EXPECT_EQ(shares(chooser, route, 180, true)[2], 0);
    shares(chooser, route, 1600 - 480, true);
    EXPECT_NEAR(static_cast<double>(route.targets[0].tallies->active()), 200, 1);
    EXPECT_NEAR(static_cast<double>(route.targets[1].tallies->active()), 400, 1);
    EXPECT_NEAR(static_cast<double>(route.targets[2].tallies->active()), 1000, 1);
}

TEST(Chooser, ComparesTheLargestConnectionsAndWeights) {
    constexpr auto most = ~uint32_t{0};
    auto route = route_of(SchedulerKind::wlc, {1, 1});
    route.targets[0].weight = most;
    route.targets[1].weight = most - 1;
    set_active(route, 0, uint64_t{1} << 40);
    set_active(route, 1, uint64_t{1} << 40);
    Chooser chooser(1);
    EXPECT_EQ(chooser.choose(route, client(1), {}), 0U);
}

TEST(Chooser, ChoosesWhileOtherWorkersFillTargets) {
    for (auto kind : kAll) {
        auto route = route_of(kind, {1, 1, 1});
        for (size_t i : {0, 1}) route.targets[i].max_connections = 1;
        std::atomic<bool> over = false;
        std::thread other([&] {
            for (uint64_t i = 0; !over; ++i)
                for (size_t place : {0, 1})
                    route.targets[place].tallies->by_worker[1].active.store(i >> place & 1);
        });
        Chooser chooser(1);
        int none = 0;
        for (uint32_t i = 0; i < 20000; ++i) none += !chooser.choose(route, client(i), {});
        over = true;
        other.join();
        EXPECT_EQ(none, 0);  // the third takes any
    }
}

}  // namespace
}  // namespace weir::engine::proxy
