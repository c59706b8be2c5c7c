#include "health/checker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <set>

namespace weir::health {
namespace {

namespace asio = boost::asio;
using std::chrono::steady_clock;
using testing::StartsWith;
using namespace std::chrono_literals;

/// Time that stands still until it is moved; who sleeps is woken in order, the alarm's owner as well.
class Time {
  public:
    explicit Time(asio::io_context& context) : context_(context) {}

    steady_clock::time_point now() const { return now_; }
    size_t sleepers() const { return sleepers_.size() + (alarm_ ? 1 : 0); }

    void set_alarm(std::optional<steady_clock::time_point> due, std::function<void()> call) {
        alarm_.reset();
        if (due) alarm_.emplace(*due, std::move(call));
    }

    asio::awaitable<void> sleep_until(steady_clock::time_point due) {
        asio::steady_timer timer(context_, steady_clock::time_point::max());
        auto place = sleepers_.emplace(due, &timer);
        co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
        sleepers_.erase(place);
    }

    void move(steady_clock::duration span) {
        auto until = now_ + span;
        settle();
        while (next() <= until) {
            now_ = std::max(now_, next());
            wake();
            settle();
        }
        now_ = until;
    }

    /// Time passes while the loop is busy with something else.
    void pass(steady_clock::duration span) { now_ += span; }

    /// As pass(), then whoever was to be woken first is; the loop does not run yet.
    void oversleep(steady_clock::duration span) {
        pass(span);
        wake();
    }

    void settle() {
        context_.restart();
        context_.poll();
    }

  private:
    steady_clock::time_point next() const {
        auto sleeper = sleepers_.empty() ? steady_clock::time_point::max() : sleepers_.begin()->first;
        return alarm_ ? std::min(sleeper, alarm_->first) : sleeper;
    }

    void wake() {
        if (alarm_ && alarm_->first == next())
            std::exchange(alarm_, std::nullopt)->second();
        else
            sleepers_.begin()->second->cancel();
    }

    asio::io_context& context_;
    steady_clock::time_point now_{1000s};
    std::multimap<steady_clock::time_point, asio::steady_timer*> sleepers_;
    std::optional<std::pair<steady_clock::time_point, std::function<void()>>> alarm_;
};

model::TargetKey target(int number) {
    return {{*net::Ip::parse("192.0.2.1"), net::Port(80), model::Protocol::tcp},
            net::Ip::v4({10, 0, static_cast<uint8_t>(number >> 8), static_cast<uint8_t>(number)})};
}

model::Check tcp() {
    return {.kind = model::TcpCheck{}};
}
model::Check http(std::string path = "/") {
    return {.kind = model::HttpCheck{.path = std::move(path)}};
}

struct Probed {
    steady_clock::time_point at;
    model::TargetKey target;
    model::Check check;
};

class CheckerTest : public testing::Test {
  protected:
    CheckerTest() {
        World world;
        world.probe = [this](const model::Check& check, const model::TargetKey& of) {
            return probe(check, of);
        };
        world.now = [this] { return time_.now(); };
        world.alarm = [this](std::optional<steady_clock::time_point> due, std::function<void()> call) {
            time_.set_alarm(due, std::move(call));
        };
        world.seed = 1;
        checker_.emplace(context_.get_executor(), std::move(world), [this] {
            EXPECT_FALSE(in_set_);
            changes_++;
            if (on_change_) on_change_();
        });
    }

    asio::awaitable<Result<Outcome>> probe(const model::Check& check, const model::TargetKey& of) {
        probed_.push_back({time_.now(), of, check});
        running_++;
        co_await time_.sleep_until(time_.now() + duration_);
        running_--;
        if (thrown_) throw std::runtime_error(*thrown_);
        if (lacking_) co_return fail("{}", *lacking_);
        bool ok = !failing_.contains(of) && !failing_kinds_.contains(check.kind.index());
        co_return Outcome{ok, ok ? "L7OK/200" : "L7STS/503", 1234us, std::chrono::system_clock::now(),
                          expiring_};
    }

    void set(const Checker::Work& work) {
        in_set_ = true;
        checker_->set(work);
        in_set_ = false;
    }

    Checked checked(int number = 1) { return checker_->checked().at(target(number)); }
    bool up(int number = 1) { return checked(number).health.up; }
    std::string reason(int number = 1) { return checked(number).health.reason; }

    asio::io_context context_;
    Time time_{context_};
    std::optional<Checker> checker_;
    std::set<model::TargetKey> failing_;
    std::optional<std::string> lacking_, thrown_;
    std::set<size_t> failing_kinds_;  // index in Check::kind
    std::function<void()> on_change_;
    std::vector<Probed> probed_;
    steady_clock::duration duration_ = 1ms;
    std::string expiring_;
    int running_ = 0;
    int changes_ = 0;
    bool in_set_ = false;
};

TEST_F(CheckerTest, SaysOnceThatACertificateEndsSoon) {
    set({{target(1), {http()}}, {target(2), {http()}}});
    time_.move(10s);
    EXPECT_THAT(checker_->take_expiring(), testing::IsEmpty());
    auto before = changes_;
    expiring_ = "certificate 07";
    time_.move(10s);
    EXPECT_EQ(changes_, before + 1);
    auto taken = checker_->take_expiring();
    ASSERT_EQ(taken.size(), 1u);
    EXPECT_EQ(taken.begin()->first, "certificate 07");
    time_.move(10s);
    EXPECT_THAT(checker_->take_expiring(), testing::IsEmpty());
    expiring_ = "certificate 08";
    time_.move(10s);
    EXPECT_EQ(checker_->take_expiring().count("certificate 08"), 1u);
}

TEST_F(CheckerTest, BringsAHealthyTargetUpWithinASecond) {
    set({{target(1), {http()}}});
    EXPECT_EQ(reason(), "not checked yet");
    EXPECT_FALSE(checked().last_outcome);
    EXPECT_FALSE(up());
    time_.move(201ms);
    EXPECT_EQ(reason(), "L7OK/200 in 1.2 ms (1/3 UP)");
    time_.move(400ms);
    EXPECT_TRUE(up());
    EXPECT_EQ(reason(), "L7OK/200 in 1.2 ms");
    EXPECT_EQ(changes_, 1);
}

TEST_F(CheckerTest, LeavesATargetAsItIsWhileItCannotBeProbed) {
    set({{target(1), {http()}}});
    time_.move(10s);
    lacking_ = "cannot open a socket: Too many open files";
    time_.move(60s);
    EXPECT_TRUE(up());
    EXPECT_EQ(reason(), "L7OK/200 in 1.2 ms; not probed now: cannot open a socket: Too many open files");
    auto not_probed = checker_->not_probed();
    EXPECT_EQ(not_probed.checks, 1u);
    EXPECT_EQ(not_probed.why, *lacking_);
    EXPECT_GE(not_probed.total, 29u);
    lacking_.reset();
    failing_ = {target(1)};
    time_.move(2s);
    EXPECT_EQ(reason(), "L7STS/503 (1/2 DOWN)") << "what was not probed is no failure";
    EXPECT_EQ(checker_->not_probed().checks, 0u);
    time_.move(2s);
    EXPECT_FALSE(up());
}

TEST_F(CheckerTest, OutlivesAProbeThatThrows) {
    thrown_ = "bad_alloc";
    set({{target(1), {http()}}});
    time_.move(1s);
    EXPECT_EQ(reason(), "not checked yet; not probed now: bad_alloc");
    thrown_.reset();
    time_.move(10s);
    EXPECT_TRUE(up());
}

TEST_F(CheckerTest, BeginsWithWhatIsKnownUntilTheChecksFail) {
    failing_ = {target(1)};
    checker_->set({{target(1), {http()}}, {target(2), {http()}}}, {{target(1), {true, "recovered"}}});
    EXPECT_TRUE(up(1));
    EXPECT_FALSE(up(2));
    time_.move(201ms);
    EXPECT_TRUE(up(1));
    time_.move(1s);
    EXPECT_FALSE(up(1));
    EXPECT_TRUE(up(2));
}

TEST_F(CheckerTest, DoesNotBeginAgainWithWhatWasKnown) {
    failing_ = {target(1)};
    set({{target(1), {http()}}});
    time_.move(1s);
    checker_->set({{target(1), {http()}}}, {{target(1), {true, "recovered"}}});
    EXPECT_FALSE(up(1));
}

TEST_F(CheckerTest, GoesOnFromWhatAFormerCheckersChecksHadSeen) {
    failing_ = {target(2)};
    const Checker::Work work = {{target(1), {tcp(), http()}}, {target(2), {http()}}};
    const model::HealthMap known = {{target(1), {false, "recovered"}}, {target(2), {true, "recovered"}}};
    checker_->set(work, known);
    time_.move(201ms);
    ASSERT_EQ(reason(1), "L7OK/200 in 1.2 ms (1/3 UP)");
    ASSERT_EQ(reason(2), "L7STS/503 (1/2 DOWN)");
    auto memory = checker_->memory();
    EXPECT_EQ(memory.at(target(1)).checks.size(), 2u);
    checker_->set({});
    checker_->set(work, known, memory);
    EXPECT_EQ(checker_->memory(), memory);
    EXPECT_EQ(reason(2), "L7STS/503 (1/2 DOWN)");
    time_.move(403ms);  // two more probes of each; a check that begins anew takes three
    EXPECT_TRUE(up(1));
    EXPECT_FALSE(up(2));
}

TEST_F(CheckerTest, BelievesWhatWasSeenMoreThanWhatTheDatapathHas) {
    const Checker::Work work = {{target(1), {http()}}};
    Memory memory = {{target(1), {{}, {{http().kind.index(), Tally(true), {}, 9}}}}};
    checker_->set(work, {{target(1), {false, "it was disabled"}}}, memory);
    EXPECT_TRUE(up(1));
    EXPECT_TRUE(checker_->settled());
    EXPECT_EQ(checker_->memory(), memory) << "since when, too";
}

TEST_F(CheckerTest, LetsATargetThatTheDatapathDoesNotHaveBeginDownWhateverWasSeen) {
    checker_->set({{target(1), {http()}}}, {},
                  {{target(1), {{}, {{http().kind.index(), Tally(true), {}, 9}}}}});
    EXPECT_FALSE(up(1));
    EXPECT_FALSE(checker_->settled());
}

TEST_F(CheckerTest, ForgetsWhatACheckOfAnotherKindHadSeen) {
    checker_->set({{target(1), {http()}}}, {{target(1), {true, "recovered"}}},
                  {{target(1), {{}, {{tcp().kind.index(), Tally(false), {}, 9}}}}});
    EXPECT_TRUE(up(1));
}

TEST_F(CheckerTest, NamesThoseThatCameUpOrWentDownOnce) {
    set({{target(1), {http()}}, {target(2), {http()}}});
    failing_ = {target(2)};
    time_.move(1s);
    EXPECT_THAT(checker_->take_changed(), testing::ElementsAre(target(1)));
    EXPECT_THAT(checker_->take_changed(), testing::IsEmpty());
}

TEST_F(CheckerTest, IsSettledAfterTheFirstProbesHoweverTheyWent) {
    failing_ = {target(2)};
    set({{target(1), {http()}}, {target(2), {http()}}});
    time_.move(201ms);
    EXPECT_FALSE(checker_->settled());
    EXPECT_FALSE(checked(1).settled);
    EXPECT_FALSE(checked(2).settled);
    time_.move(410ms);
    EXPECT_TRUE(checked(1).settled);
    EXPECT_TRUE(checked(2).settled);
    EXPECT_TRUE(checker_->settled());
    EXPECT_FALSE(up(2));
}

TEST_F(CheckerTest, TakesAFailingTargetDownAndSaysWhy) {
    set({{target(1), {http()}}, {target(2), {http()}}});
    time_.move(1s);
    failing_ = {target(1)};
    changes_ = 0;
    while (checked().last_outcome->ok) time_.move(10ms);
    EXPECT_TRUE(up());
    EXPECT_EQ(reason(), "L7STS/503 (1/2 DOWN)");
    EXPECT_EQ(changes_, 0);
    time_.move(2200ms);
    EXPECT_FALSE(up());
    EXPECT_EQ(reason(), "L7STS/503");
    EXPECT_EQ(changes_, 1);
    EXPECT_TRUE(up(2));
}

TEST_F(CheckerTest, ProbesAtTheIntervalOnceSettled) {
    set({{target(1), {http()}}});
    time_.move(1s);
    probed_.clear();
    time_.move(200s);
    EXPECT_EQ(probed_.size(), 100u);
    for (size_t i = 1; i < probed_.size(); i++) {
        EXPECT_GT(probed_[i].at - probed_[i - 1].at, 1890ms);
        EXPECT_LT(probed_[i].at - probed_[i - 1].at, 2110ms);
    }
}

TEST_F(CheckerTest, SpreadsManyTargetsOverTheInterval) {
    Checker::Work work;
    for (int i = 0; i < 1000; i++) work[target(i)] = {tcp()};
    set(work);
    time_.move(5s);
    probed_.clear();
    auto start = time_.now();
    time_.move(2s);
    EXPECT_NEAR(static_cast<double>(probed_.size()), 1000, 60);
    std::array<int, 10> slots{};
    for (const auto& one : probed_)
        slots[std::min<size_t>(9, static_cast<size_t>((one.at - start) / 200ms))]++;
    for (int count : slots) EXPECT_NEAR(count, 100, 45);
}

TEST_F(CheckerTest, WantsAllChecksOfATargetToPass) {
    failing_kinds_ = {http().kind.index()};
    set({{target(1), {tcp(), http()}}});
    time_.move(10s);
    EXPECT_FALSE(up());
    EXPECT_EQ(reason(), "L7STS/503");
    failing_kinds_.clear();
    time_.move(10s);
    EXPECT_TRUE(up());
    failing_kinds_ = {tcp().kind.index()};
    time_.move(10s);
    EXPECT_FALSE(up());
    EXPECT_FALSE(checked().last_outcome->ok);
}

TEST_F(CheckerTest, IsNotDisturbedByTheSameWork) {
    Checker::Work work{{target(1), {http()}}};
    set(work);
    time_.move(1s);
    auto before = checked();
    duration_ = 500ms;
    while (running_ == 0) time_.move(10ms);
    auto count = probed_.size();
    work[target(2)] = {tcp()};
    set(work);
    EXPECT_EQ(checked().changed_at, before.changed_at);
    EXPECT_TRUE(up());
    time_.move(1ms);
    EXPECT_EQ(running_, 1);
    EXPECT_EQ(std::count_if(probed_.begin() + static_cast<long>(count), probed_.end(),
                            [](const Probed& one) { return one.target == target(1); }),
              0);
}

TEST_F(CheckerTest, KeepsTheTallyWhenThresholdsOrPathChange) {
    set({{target(1), {http()}}});
    time_.move(201ms);
    auto patient = http("/other");
    patient.rise = 4;
    set({{target(1), {patient}}});
    EXPECT_EQ(reason(), "L7OK/200 in 1.2 ms (1/4 UP)");
    probed_.clear();
    time_.move(1s);
    EXPECT_TRUE(up());
    for (const auto& one : probed_) EXPECT_EQ(one.check, patient);
}

TEST_F(CheckerTest, FollowsANewIntervalAtOnce) {
    auto slow = http();
    slow.interval = 1h;
    set({{target(1), {slow}}});
    time_.move(2h);
    set({{target(1), {http()}}});
    probed_.clear();
    time_.move(10s);
    EXPECT_GE(probed_.size(), 5u);
}

TEST_F(CheckerTest, LetsACheckOfAnotherKindBeginWhereTheTargetIs) {
    set({{target(1), {tcp()}}});
    time_.move(1s);
    failing_kinds_ = {http().kind.index()};
    set({{target(1), {http()}}});
    EXPECT_TRUE(up());
    EXPECT_EQ(reason(), "not checked yet");
    time_.move(500ms);
    EXPECT_FALSE(up());
    EXPECT_EQ(reason(), "L7STS/503");
    set({{target(1), {tcp()}}});
    EXPECT_FALSE(up());
}

TEST_F(CheckerTest, TellsOfAChangeThatSetMakesAfterwards) {
    failing_kinds_ = {http().kind.index()};
    set({{target(1), {tcp(), http()}}});
    time_.move(10s);
    EXPECT_FALSE(up());
    changes_ = 0;
    set({{target(1), {tcp()}}});
    EXPECT_TRUE(up());
    EXPECT_EQ(changes_, 0);
    time_.settle();
    EXPECT_EQ(changes_, 1);
}

TEST_F(CheckerTest, MakesOneCallOfManyChanges) {
    Checker::Work work;
    for (int i = 0; i < 100; i++) work[target(i)] = {tcp(), http()};
    failing_kinds_ = {http().kind.index()};
    set(work);
    time_.move(10s);
    for (auto& [key, checks] : work) checks = {tcp()};
    set(work);
    time_.settle();
    EXPECT_EQ(changes_, 1);
}

TEST_F(CheckerTest, StopsWhatIsNoLongerWanted) {
    set({{target(1), {http()}}, {target(2), {http()}}, {target(3), {tcp()}}});
    time_.move(1s);
    duration_ = 10s;
    while (running_ == 0) time_.move(10ms);
    set({{target(3), {}}});
    time_.settle();
    EXPECT_TRUE(checker_->checked().empty());
    EXPECT_EQ(time_.sleepers(), 0u);
    changes_ = 0;
    probed_.clear();
    time_.move(10s);
    EXPECT_EQ(changes_, 0);
    EXPECT_TRUE(probed_.empty());
}

TEST_F(CheckerTest, BeginsAnewWithATargetThatCameBack) {
    set({{target(1), {http()}}});
    time_.move(1s);
    EXPECT_TRUE(up());
    set({});
    set({{target(1), {http()}}});
    EXPECT_FALSE(up());
    EXPECT_EQ(reason(), "not checked yet");
    time_.move(1s);
    EXPECT_TRUE(up());
}

TEST_F(CheckerTest, MayBeChangedFromItsOwnCallback) {
    on_change_ = [this] { checker_->set({{target(2), {tcp()}}}); };
    set({{target(1), {http()}}});
    time_.move(1s);
    EXPECT_EQ(checker_->checked().count(target(1)), 0u);
    time_.move(1s);
    EXPECT_TRUE(up(2));
    on_change_ = [this] { checker_.reset(); };
    failing_ = {target(2)};
    time_.move(10s);
    EXPECT_FALSE(checker_);
    EXPECT_EQ(time_.sleepers(), 0u);
}

TEST_F(CheckerTest, CallsNobodyOnceItIsGone) {
    failing_kinds_ = {http().kind.index()};
    set({{target(1), {tcp(), http()}}});
    time_.move(10s);
    set({{target(1), {tcp()}}});
    EXPECT_TRUE(up());  // which is to be told in the next turn
    checker_.reset();
    time_.move(10s);
    EXPECT_EQ(changes_, 0);
    EXPECT_EQ(time_.sleepers(), 0u);
}

TEST_F(CheckerTest, LetsOthersHaveTheirTurnHoweverManyProbesAreDue) {
    Checker::Work work;
    for (int i = 0; i < 1000; i++) work[target(i)] = {tcp()};
    set(work);
    time_.oversleep(60s);
    // An operator's request, and what it leads to, in the midst of them.
    std::vector<size_t> begun;
    std::function<void()> request = [&] {
        begun.push_back(probed_.size());
        if (begun.size() < 10) asio::post(context_, request);
    };
    asio::post(context_, request);
    time_.settle();
    ASSERT_EQ(begun.size(), 10u);
    EXPECT_LE(begun.front(), 8u);
    EXPECT_LE(begun.back(), 80u);
    EXPECT_EQ(probed_.size(), 1000u) << "nobody is left out";
}

TEST_F(CheckerTest, BeginsWithTheProbeThatWasDueFirst) {
    Checker::Work work;
    std::vector<model::TargetKey> in_turn;
    for (int i = 20; i > 0; i--) {
        work[target(i)] = {tcp()};
        in_turn.push_back(target(i));
        set(work);
        time_.pass(300ms);  // more than the first probe of a check has
    }
    time_.oversleep(0ms);
    time_.settle();
    std::vector<model::TargetKey> begun;
    for (const auto& one : probed_) begun.push_back(one.target);
    EXPECT_EQ(begun, in_turn);
}

TEST_F(CheckerTest, RunsOneProbeOfACheckAtATimeHoweverLongItTakes) {
    duration_ = 5s;
    set({{target(1), {http()}}, {target(2), {tcp()}}});
    time_.move(60s);
    EXPECT_TRUE(up(1));
    EXPECT_TRUE(up(2));
    EXPECT_LE(running_, 2);
}

}  // namespace
}  // namespace weir::health
