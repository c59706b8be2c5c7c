#include "base/clock.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <vector>

#include "base/fake_clock.h"

namespace weir {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

class ClockTest : public testing::Test {
  protected:
    asio::io_context io_;
    SystemClock clock_{io_.get_executor()};
    std::vector<int> called_;
};

TEST_F(ClockTest, CallsInTurnAndNeverAtOnce) {
    auto now = clock_.now();
    auto later = clock_.at(now + 2ms, [this] { called_.push_back(2); });
    auto past = clock_.at(now - 1h, [this] { called_.push_back(1); });
    EXPECT_TRUE(called_.empty());
    io_.run();
    EXPECT_EQ(called_, (std::vector{1, 2}));
    EXPECT_GE(clock_.now(), now + 2ms);
}

TEST_F(ClockTest, CallsNobodyWhoHasLetGo) {
    auto due = clock_.now();
    Clock::Alarm second;
    auto first = clock_.at(due - 2h, [&] {
        called_.push_back(1);
        second.reset();  // though it is as good as called
    });
    second = clock_.at(due - 1h, [this] { called_.push_back(2); });
    auto third = clock_.after(1h, [this] { called_.push_back(3); });
    third.reset();
    io_.run();
    EXPECT_EQ(called_, std::vector{1});
}

TEST_F(ClockTest, LetsACallSetItsOwnAlarmAnew) {
    Clock::Alarm alarm;
    std::function<void()> again = [&] {
        called_.push_back(1);
        if (called_.size() < 3) alarm = clock_.after(0ms, again);
    };
    alarm = clock_.after(0ms, again);
    io_.run();
    EXPECT_EQ(called_.size(), 3u);
}

class SleepTest : public testing::Test {
  protected:
    asio::awaitable<void> sleep_until(Clock::Time due) {
        co_await sleep_.until(clock_, due);
        woken_at_ = clock_.now();
    }

    asio::io_context io_;
    FakeClock clock_{io_};
    Sleep sleep_{io_.get_executor()};
    std::optional<Clock::Time> woken_at_;
};

TEST_F(SleepTest, EndsInTime) {
    auto due = clock_.now() + 5s;
    asio::co_spawn(io_, sleep_until(due), asio::detached);
    clock_.move(4s);
    EXPECT_FALSE(woken_at_);
    clock_.move(10s);
    EXPECT_EQ(woken_at_, due);
}

TEST_F(SleepTest, EndsWhenItIsWoken) {
    sleep_.wake();
    asio::co_spawn(io_, sleep_until(Clock::Time::max()), asio::detached);
    clock_.move(24h);
    EXPECT_FALSE(woken_at_);
    sleep_.wake();
    clock_.settle();
    EXPECT_EQ(woken_at_, clock_.now());
    EXPECT_EQ(clock_.alarms(), 0u);
}

}  // namespace
}  // namespace weir
