#include "health/checker_fixture.h"

namespace weir::health {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

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
    EXPECT_EQ(time_.alarms(), 0u);
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
    EXPECT_EQ(time_.alarms(), 0u);
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
