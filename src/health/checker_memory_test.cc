// What a checker keeps when its work changes, and of what is known already.
#include "health/checker_fixture.h"

namespace weir::health {
namespace {

using namespace std::chrono_literals;

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

TEST_F(CheckerTest, StopsWhatIsNoLongerWanted) {
    set({{target(1), {http()}}, {target(2), {http()}}, {target(3), {tcp()}}});
    time_.move(1s);
    duration_ = 10s;
    while (running_ == 0) time_.move(10ms);
    set({{target(3), {}}});
    time_.settle();
    EXPECT_TRUE(checker_->checked().empty());
    EXPECT_EQ(time_.alarms(), 0u);
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

}  // namespace
}  // namespace weir::health
