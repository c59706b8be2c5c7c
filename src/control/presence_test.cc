#include "control/presence.h"

#include <gtest/gtest.h>

namespace weir::control {
namespace {

using namespace std::chrono_literals;

constexpr Presence::Time kStart{1000s};
constexpr model::Announcing kLearns{.learn = 10s};
constexpr Presence::Learnt kAll{.health = true, .flows = true};
constexpr Presence::Learnt kFlowsOnly{.flows = true};

TEST(Presence, HoldsBackAfterAFreshStartUntilTheChecksHadTheirSay) {
    Presence presence(true, kStart);
    EXPECT_FALSE(presence.may_announce(kLearns, kFlowsOnly, kStart));
    EXPECT_FALSE(presence.may_announce(kLearns, kFlowsOnly, kStart + 3s));
    EXPECT_TRUE(presence.is_learning());
    EXPECT_TRUE(presence.may_announce(kLearns, kAll, kStart + 4s));
    EXPECT_FALSE(presence.is_learning());
}

TEST(Presence, HoldsBackNoLongerThanItIsTold) {
    Presence presence(true, kStart);
    EXPECT_FALSE(presence.may_announce(kLearns, kFlowsOnly, kStart + 9999ms));
    EXPECT_TRUE(presence.may_announce(kLearns, kFlowsOnly, kStart + 10s));
}

TEST(Presence, HoldsBackUntilTheOthersHaveToldTheirFlowsButNotForEver) {
    Presence presence(true, kStart);
    EXPECT_FALSE(presence.may_announce({}, {}, kStart + 1s));
    EXPECT_TRUE(presence.may_announce({}, kFlowsOnly, kStart + 2s));
    Presence another(true, kStart);
    EXPECT_FALSE(another.may_announce({}, {.health = true}, kStart + 14s));
    EXPECT_TRUE(another.may_announce({}, {}, kStart + 15s));
}

TEST(Presence, LearnsOnlyOnce) {
    Presence presence(true, kStart);
    EXPECT_TRUE(presence.may_announce(kLearns, kAll, kStart));
    EXPECT_TRUE(presence.may_announce(kLearns, kFlowsOnly, kStart + 1s))
        << "a reload has brought new targets";
}

TEST(Presence, AnnouncesAtOnceWhereNothingIsToBeLearnt) {
    EXPECT_TRUE(Presence(true, kStart).may_announce({}, kFlowsOnly, kStart)) << "learn: 0s";
    EXPECT_TRUE(Presence(false, kStart).may_announce(kLearns, kFlowsOnly, kStart))
        << "a datapath was adopted";
}

TEST(Presence, StaysWithdrawn) {
    Presence presence(false, kStart);
    presence.withdraw();
    EXPECT_FALSE(presence.may_announce(kLearns, kAll, kStart + 1h));
}

}  // namespace
}  // namespace weir::control
