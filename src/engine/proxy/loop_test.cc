#include "engine/proxy/loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <thread>

namespace weir::engine::proxy {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::Ge;
using Clock = std::chrono::steady_clock;

/// What it is told goes to a function, its own end to another.
struct Called : Watcher {
    explicit Called(std::function<void(uint32_t)> told) : call(std::move(told)) {}
    ~Called() override { end(); }
    void ready(uint32_t events) override { call(events); }

    std::function<void(uint32_t)> call;
    std::function<void()> end = [] {};
};

struct Pair {
    Pair() {
        std::array<int, 2> both{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, both.data()), 0);
        ours = UniqueFd(both[0]);
        theirs = UniqueFd(both[1]);
    }
    void send() { EXPECT_EQ(::send(theirs.get(), "x", 1, MSG_NOSIGNAL), 1); }
    bool receive() {
        char byte = 0;
        return ::recv(ours.get(), &byte, 1, 0) == 1;
    }

    UniqueFd ours, theirs;
};

class LoopTest : public testing::Test {
  protected:
    void run() { loop.run(); }
    void note(std::string what) { order.push_back(std::move(what)); }

    std::unique_ptr<Loop> made = Loop::make().value();
    Loop& loop = *made;
    /// A loop that never ends would hang the tests.
    Alarm late{loop, [this] {
                   ADD_FAILURE() << "nothing stopped the loop for a minute";
                   loop.stop();
               }};
    std::vector<std::string> order;

    void SetUp() override { late.set(Clock::now() + 60s); }
};

TEST_F(LoopTest, CallsWhatIsPostedByOtherThreadsInTheirOrder) {
    constexpr int each = 20000;
    std::array<int, 3> next{};
    int done = 0;
    std::vector<std::thread> threads;
    for (size_t who = 0; who < next.size(); ++who)
        threads.emplace_back([&, who] {
            for (int i = 0; i < each; ++i)
                loop.post([&, who, i] {
                    ASSERT_EQ(next[who]++, i);
                    if (++done == each * 3) loop.stop();
                });
        });
    run();
    for (auto& thread : threads) thread.join();
    EXPECT_THAT(next, ElementsAre(each, each, each));
}

/// One call at a time, each after the last was called: none may be slept over.
TEST_F(LoopTest, WakesForEachPost) {
    std::atomic<int> called = 0;
    std::thread other([&] {
        for (int i = 0; i < 5000; ++i) {
            loop.post([&] { ++called; });
            while (called <= i) std::this_thread::yield();
        }
        loop.stop();
    });
    run();
    other.join();
    EXPECT_EQ(called, 5000);
}

TEST_F(LoopTest, CallsInTheNextRoundWhatACallPosts) {
    loop.post([this] {
        note("first");
        loop.post([this] {
            note("third");
            loop.stop();
        });
        note("second");
    });
    run();
    EXPECT_THAT(order, ElementsAre("first", "second", "third"));
}

TEST_F(LoopTest, CallsWhatWasPostedBeforeItWasStopped) {
    loop.post([this] { note("before"); });
    loop.stop();
    run();
    EXPECT_THAT(order, ElementsAre("before"));
    run();  // stopped it stays
}

TEST_F(LoopTest, RingsAlarmsByTheirTime) {
    const auto now = Clock::now();
    Alarm third(loop, [this] { note("third"), loop.stop(); });
    Alarm first(loop, [this] { note("first"); });
    Alarm second(loop, [this] { note("second"); });
    Alarm moved(loop, [this] { note("moved"); });
    Alarm never(loop, [this] { note("never"); });
    third.set(now + 30ms);
    moved.set(now + 1ms);
    first.set(now + 10ms);
    second.set(now + 20ms);
    never.set(now + 5ms);
    moved.set(now + 25ms);
    never.clear();
    EXPECT_FALSE(never.is_set());
    EXPECT_TRUE(third.is_set());
    run();
    EXPECT_GE(Clock::now() - now, 30ms);
    EXPECT_THAT(order, ElementsAre("first", "second", "moved", "third"));
    EXPECT_FALSE(third.is_set());
}

TEST_F(LoopTest, RingsAlarmsOfOneTimeInTheOrderInWhichTheyWereSet) {
    const auto due = Clock::now() + 1ms;
    Alarm a(loop, [this] { note("a"); }), b(loop, [this] { note("b"); });
    Alarm c(loop, [this] { note("c"), loop.stop(); });
    a.set(due), b.set(due), c.set(due);
    b.set(due), c.set(due);
    run();
    EXPECT_THAT(order, ElementsAre("a", "b", "c"));
}

TEST_F(LoopTest, LetsAnAlarmsCallClearAndSetAlarms) {
    int rings = 0;
    Alarm cleared(loop, [this] { note("cleared"); });
    Alarm again(loop, [&] {
        EXPECT_FALSE(again.is_set());
        cleared.clear();
        note("again");
        if (++rings < 3) return again.set(loop.now() + 1ms);
        loop.stop();
    });
    again.set(Clock::now());
    cleared.set(Clock::now());
    run();
    EXPECT_THAT(order, ElementsAre("again", "again", "again"));
}

TEST_F(LoopTest, LetsAnAlarmGoThatIsSet) {
    {
        Alarm gone(loop, [this] { note("gone"); });
        gone.set(Clock::now());
    }
    Alarm last(loop, [this] { loop.stop(); });
    last.set(Clock::now() + 2ms);
    run();
    EXPECT_TRUE(order.empty());
}

TEST_F(LoopTest, KeepsNobodyFromTheirTurnForAnAlarmThatIsAlwaysDue) {
    Pair pair;
    int rings = 0;
    Alarm always(loop, [&] {
        ++rings;
        always.set(loop.now() - 1h);
    });
    Called watcher([&](uint32_t) {
        if (pair.receive()) note("event");
    });
    ASSERT_TRUE(loop.watch(pair.ours.get(), watcher));
    Alarm other(loop, [this] { note("alarm"), loop.stop(); });
    always.set(Clock::now() - 1h);
    other.set(Clock::now() + 5ms);
    pair.send();
    run();
    EXPECT_THAT(order, ElementsAre("event", "alarm"));
    EXPECT_GT(rings, 1);
}

TEST_F(LoopTest, SleepsNoTimeThatACallHasTaken) {
    const auto due = Clock::now() + 400ms;
    Alarm alarm(loop, [this] { loop.stop(); });
    alarm.set(due);
    loop.post([due] { std::this_thread::sleep_until(due); });
    run();
    EXPECT_LT(Clock::now() - due, 350ms);  // it would be 400 ms more
}

TEST_F(LoopTest, TellsOfEdgesOfBothDirections) {
    Pair pair;
    std::vector<uint32_t> events;
    Called watcher([&](uint32_t told) {
        events.push_back(told);
        if (events.size() == 1) return pair.send();
        if (events.size() == 2) return pair.theirs.reset();
        loop.stop();
    });
    ASSERT_TRUE(loop.watch(pair.ours.get(), watcher));
    run();
    ASSERT_EQ(events.size(), 3U);
    EXPECT_EQ(events[0], uint32_t{EPOLLOUT});
    EXPECT_TRUE(events[1] & EPOLLIN);
    EXPECT_TRUE(events[2] & EPOLLRDHUP);
}

TEST_F(LoopTest, TellsOfALevelUntilItIsForgotten) {
    Pair pair;
    int told = 0;
    Called watcher([&](uint32_t events) {
        EXPECT_EQ(events, uint32_t{EPOLLIN});
        if (++told < 3) return;
        loop.forget(pair.ours.get());
        loop.post([this] { loop.stop(); });
    });
    ASSERT_TRUE(loop.watch_level(pair.ours.get(), watcher, EPOLLIN));
    pair.send();
    run();
    EXPECT_EQ(told, 3);
}

TEST_F(LoopTest, SaysWhatCannotBeWatched) {
    Called watcher([](uint32_t) {});
    auto watched = loop.watch(-1, watcher);
    ASSERT_FALSE(watched);
    EXPECT_THAT(watched.error().message, testing::HasSubstr("cannot be watched: Bad file descriptor"));
}

TEST_F(LoopTest, GivesTurnsInTheirOrderAndEventsBetween) {
    Pair pair;
    bool seen = false;
    Called reader([&](uint32_t) { seen = seen || pair.receive(); });
    ASSERT_TRUE(loop.watch(pair.ours.get(), reader));
    std::string turns;
    Called a([&](uint32_t events) {
        EXPECT_EQ(events, 0U);
        turns += 'a';
        loop.turn(a);
    });
    Called b([&](uint32_t) {
        turns += 'b';
        loop.turn(b);
        if (turns.size() == 4) pair.send();
        if (turns.size() == 6) {
            EXPECT_TRUE(seen);
            loop.stop();
        }
    });
    loop.turn(a);
    loop.turn(b);
    run();
    EXPECT_THAT(turns, testing::StartsWith("ababab"));
}

TEST_F(LoopTest, GivesOneTurnForAllTimesThatItWasAskedFor) {
    int turns = 0;
    Called watcher([&](uint32_t) {
        ++turns;
        loop.post([this] { loop.stop(); });
    });
    for (int i = 0; i < 5; ++i) loop.turn(watcher);
    run();
    EXPECT_EQ(turns, 1);
}

TEST_F(LoopTest, RingsAlarmsWhileThereAreAlwaysTurns) {
    Called busy([&](uint32_t) { loop.turn(busy); });
    loop.turn(busy);
    Alarm alarm(loop, [this] { loop.stop(); });
    alarm.set(Clock::now() + 3ms);
    run();
    EXPECT_TRUE(late.is_set());
}

TEST_F(LoopTest, GivesNoTurnToThoseWhoAreGone) {
    auto gone = std::make_unique<Called>([this](uint32_t) { note("gone"); });
    auto buried = std::make_unique<Called>([this](uint32_t) { note("buried"); });
    Called first([&](uint32_t) {
        note("first");
        gone.reset();
        loop.bury(std::move(buried));
    });
    Called last([&](uint32_t) { note("last"), loop.stop(); });
    loop.turn(first), loop.turn(*gone), loop.turn(*buried), loop.turn(last);
    loop.bury(nullptr);
    run();
    EXPECT_THAT(order, ElementsAre("first", "last"));
}

/// Both have been fetched at once when the first of them buries both: the other's may still come.
TEST_F(LoopTest, BuriesAfterTheEventsThatAreUnderWay) {
    std::array<Pair, 2> pairs;
    std::array<std::unique_ptr<Called>, 2> watchers;
    int alive = 2, told = 0;
    auto bury_both = [&](uint32_t) {
        EXPECT_EQ(alive, 2);
        ++told;
        for (auto& pair : pairs) pair.ours.reset();
        for (auto& watcher : watchers) loop.bury(std::move(watcher));
        loop.post([&] {
            EXPECT_EQ(alive, 0);
            loop.stop();
        });
    };
    for (size_t i = 0; i < 2; ++i) {
        watchers[i] = std::make_unique<Called>(bury_both);
        watchers[i]->end = [&] { --alive; };
        ASSERT_TRUE(loop.watch(pairs[i].ours.get(), *watchers[i]));
        pairs[i].send();
    }
    run();
    EXPECT_THAT(told, AllOf(Ge(1), testing::Le(2)));
}

TEST_F(LoopTest, BuriesWhatTheBuriedBury) {
    std::vector<std::string>& ends = order;
    auto bury_chain = [&](int length) {
        std::unique_ptr<Called> chain;
        for (int i = 0; i < length; ++i) {
            auto next = std::make_unique<Called>([](uint32_t) {});
            next->end = [&, held = std::make_shared<std::unique_ptr<Called>>(std::move(chain))] {
                ends.push_back("end");
                loop.bury(std::move(*held));
            };
            chain = std::move(next);
        }
        loop.bury(std::move(chain));
    };
    loop.post([&] { bury_chain(50); });
    loop.post([this] { loop.post([this] { loop.stop(); }); });
    run();
    EXPECT_EQ(ends.size(), 50U);
    bury_chain(7);
    late.clear();
    made.reset();
    EXPECT_EQ(ends.size(), 57U);
}

TEST_F(LoopTest, LetsItsOwnEndComeBeforeThatOfAlarmsAndWatchers) {
    Called watcher([](uint32_t) {});
    Alarm alarm(loop, [] {});
    alarm.set(Clock::now() + 1h);
    loop.turn(watcher);
    made.reset();
    EXPECT_FALSE(alarm.is_set());
}

double seconds(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

/// Seconds of the processor that this thread has used.
double used() {
    rusage usage{};
    ::getrusage(RUSAGE_THREAD, &usage);
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

TEST_F(LoopTest, SpinsAfterAnEventAndSleepsWithoutOne) {
    Pair pair;
    long sleeps = 0;
    auto sleeps_now = [] {
        rusage usage{};
        ::getrusage(RUSAGE_THREAD, &usage);
        return usage.ru_nvcsw;  // it gave the processor up by itself
    };
    Called watcher([&](uint32_t) { pair.receive(); });
    ASSERT_TRUE(loop.watch(pair.ours.get(), watcher));
    Alarm spun(loop, [&] {
        EXPECT_LE(sleeps_now() - sleeps, 1);
        loop.spin(0s);
    });
    Alarm idle(loop, [&] { sleeps = sleeps_now(); });
    double before = 0;
    Alarm slept_from(loop, [&] { before = used(); });
    Alarm end(loop, [this] { loop.stop(); });
    loop.spin(1h);
    const auto now = Clock::now();
    idle.set(now + 10ms);
    spun.set(now + 30ms);
    slept_from.set(now + 40ms);
    end.set(now + 240ms);
    pair.send();
    run();
    EXPECT_GE(sleeps_now() - sleeps, 1);
    EXPECT_LT(used() - before, 0.1);
}

}  // namespace
}  // namespace weir::engine::proxy
