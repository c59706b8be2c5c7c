#include "engine/proxy/budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <thread>
#include <vector>

namespace weir::engine::proxy {
namespace {

using namespace std::chrono_literals;
using Time = Rate::Time;

constexpr size_t kMuch = 1 << 30;
const Time kStart = Time() + 5h;

Rate& empty(Rate& rate, uint64_t bytes_per_second) {
    rate.set(bytes_per_second);
    rate.take(kMuch, kStart);
    return rate;
}

TEST(Rate, GivesAllWhereThereIsNoLimit) {
    Rate rate;
    EXPECT_FALSE(rate.is_limited());
    EXPECT_EQ(rate.take(kMuch, kStart), kMuch);
    EXPECT_EQ(rate.take(kMuch, kStart), kMuch);
    rate.give_back(5);
    EXPECT_EQ(rate.more_at(kStart), kStart);
    rate.set(1);
    EXPECT_TRUE(rate.is_limited());
}

TEST(Rate, BeginsWithATenthOfASecondsWorthButAtLeast64KiB) {
    for (auto [per_second, burst] : {std::pair<uint64_t, size_t>{100'000'000, 10'000'000},
                                     {655'360, 65536},
                                     {655'350, 65536},
                                     {1000, 65536},
                                     {1, 65536}}) {
        for (auto start : {Time(), kStart, Time() + std::chrono::years(15)}) {
            Rate rate;
            rate.set(per_second);
            EXPECT_NEAR(static_cast<double>(rate.take(kMuch, start)), static_cast<double>(burst), 1);
            EXPECT_EQ(rate.take(1, start), 0U);
        }
    }
}

TEST(Rate, FillsWithTimeAndHoldsNoMoreThanItsBurst) {
    Rate rate;
    empty(rate, 1'000'000);
    EXPECT_EQ(rate.take(kMuch, kStart + 999ns), 0U);
    EXPECT_EQ(rate.take(kMuch, kStart + 1us), 1U);
    EXPECT_EQ(rate.take(300, kStart + 1001us), 300U);
    EXPECT_EQ(rate.take(kMuch, kStart + 1001us), 700U);
    EXPECT_EQ(rate.take(kMuch, kStart + 51001us), 50'000U);
    EXPECT_EQ(rate.take(kMuch, kStart + 1h), 100'000U);
}

TEST(Rate, GivesNothingToAClockThatIsBehind) {
    Rate rate;
    empty(rate, 1'000'000);
    EXPECT_EQ(rate.take(kMuch, kStart - 1h), 0U);
    EXPECT_EQ(rate.take(kMuch, kStart + 1ms), 1000U);
}

TEST(Rate, HasAgainWhatWasGivenBack) {
    Rate rate;
    empty(rate, 1'000'000);
    rate.give_back(600);
    EXPECT_EQ(rate.take(kMuch, kStart), 600U);
    rate.give_back(kMuch);
    EXPECT_EQ(rate.take(kMuch, kStart), 100'000U);

    Rate fresh;
    fresh.set(1'000'000);
    fresh.give_back(1000);
    EXPECT_EQ(fresh.take(kMuch, kStart), 100'000U);
}

TEST(Rate, CountsAChangeAtOnce) {
    Rate rate;
    empty(rate, 1'000'000);
    rate.set(2'000'000);
    EXPECT_EQ(rate.take(kMuch, kStart + 1ms), 2000U);
    rate.set(1000);
    EXPECT_EQ(rate.take(kMuch, kStart + 2ms), 1U);
    rate.set(0);
    EXPECT_EQ(rate.take(kMuch, kStart + 2ms), kMuch);
}

TEST(Rate, CannotBeSoFastOrSlowThatNumbersRunOver) {
    Rate rate;
    rate.set(~uint64_t{0});
    EXPECT_EQ(rate.take(kMuch, kStart), kMuch);
    EXPECT_EQ(rate.take(~size_t{0}, kStart), size_t{1} << 40);
    rate.set(1);
    EXPECT_EQ(rate.take(~size_t{0}, kStart + 1h), 3600U);
    EXPECT_GT(rate.more_at(kStart + 1h), kStart + 1h);
    rate.give_back(~size_t{0});
    EXPECT_EQ(rate.take(~size_t{0}, kStart + 1h), 65536U);
}

TEST(Rate, SaysWhenThereIsMore) {
    for (uint64_t per_second : {1, 3, 99, 1000, 1'000'000, 1'250'000'000}) {
        Rate rate;
        empty(rate, per_second);
        const auto worth =
            std::max<std::chrono::nanoseconds>(10ms, std::chrono::nanoseconds(1s) / per_second);
        for (int i = 0; i < 100; ++i) {
            const auto due = rate.more_at(kStart);
            EXPECT_GE(due, kStart + worth);
            EXPECT_LE(due, kStart + worth + 10ms + 2ns);
        }
        const auto due = rate.more_at(kStart);
        EXPECT_EQ(rate.more_at(due + 1s), due + 1s);
        EXPECT_GE(rate.take(kMuch, due), std::max<uint64_t>(1, per_second / 100));
    }
}

TEST(Rate, IsExactOverTime) {
    Rate rate;
    empty(rate, 1'250'000'000);
    uint64_t total = 0;
    for (auto now = kStart; now < kStart + 1s; now += 1158ns) total += rate.take(1448, now);
    EXPECT_NEAR(static_cast<double>(total), 1.25e9, 1e5);
}

/// All take as much as there is, and ask again when they are told to.
TEST(Rate, SharesFairlyAmongThoseWhoWait) {
    Rate rate;
    empty(rate, 10'000'000);
    std::multimap<Time, size_t> waiting;
    std::vector<uint64_t> got(20);
    for (size_t i = 0; i < got.size(); ++i) waiting.emplace(rate.more_at(kStart), i);
    while (waiting.begin()->first < kStart + 60s) {
        const auto [now, who] = *waiting.begin();
        waiting.erase(waiting.begin());
        got[who] += rate.take(kMuch, now);
        waiting.emplace(rate.more_at(now), who);
    }
    const auto total = std::accumulate(got.begin(), got.end(), uint64_t{0});
    EXPECT_NEAR(static_cast<double>(total), 600e6, 1e6);
    for (auto each : got) EXPECT_NEAR(static_cast<double>(each), 30e6, 10e6);
}

/// Time stands still while somebody finds something, so that it runs as fast as they take.
TEST(Rate, NeverGivesMoreThanItsRateToManyThreads) {
    constexpr uint64_t per_second = 50'000'000;
    constexpr auto length = std::chrono::nanoseconds(2s);
    Rate rate;
    rate.set(per_second);
    std::atomic<int64_t> elapsed = 0;
    std::atomic<uint64_t> taken = 0;
    std::vector<std::thread> threads;
    for (size_t worker = 0; worker < 4; ++worker)
        threads.emplace_back([&, worker] {
            size_t wanted = 1 + worker;
            while (true) {
                const auto span = std::chrono::nanoseconds(std::min(elapsed.load(), length.count()));
                const auto got = rate.take(wanted, kStart + span);
                if (got > 7 && worker == 0) rate.give_back(got / 2);
                taken += got > 7 && worker == 0 ? got - got / 2 : got;
                wanted = 1 + wanted * 31 % 9973;
                if (got > 0) continue;
                if (span == length) break;
                elapsed += 50'000;
            }
        });
    for (auto& thread : threads) thread.join();
    const double most = per_second * 2.1;
    EXPECT_LE(static_cast<double>(taken), most);
    EXPECT_GE(static_cast<double>(taken), most * 0.999);
}

}  // namespace
}  // namespace weir::engine::proxy
