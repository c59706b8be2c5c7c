#include "control/presence.h"

#include <gtest/gtest.h>

namespace weir::control {
namespace {

using namespace std::chrono_literals;

constexpr Presence::Time kStart{1000s};
constexpr model::Announcing kLearns{.learn = 10s};

TEST(Presence, HoldsBackAfterAFreshStartUntilTheChecksHadTheirSay) {
    Presence presence(true, kStart);
    EXPECT_FALSE(presence.may_announce(kLearns, false, kStart));
    EXPECT_FALSE(presence.may_announce(kLearns, false, kStart + 3s));
    EXPECT_TRUE(presence.is_learning());
    EXPECT_TRUE(presence.may_announce(kLearns, true, kStart + 4s));
    EXPECT_FALSE(presence.is_learning());
}

TEST(Presence, HoldsBackNoLongerThanItIsTold) {
    Presence presence(true, kStart);
    EXPECT_FALSE(presence.may_announce(kLearns, false, kStart + 9999ms));
    EXPECT_TRUE(presence.may_announce(kLearns, false, kStart + 10s));
}

TEST(Presence, LearnsOnlyOnce) {
    Presence presence(true, kStart);
    EXPECT_TRUE(presence.may_announce(kLearns, true, kStart));
    EXPECT_TRUE(presence.may_announce(kLearns, false, kStart + 1s)) << "a reload has brought new targets";
}

TEST(Presence, AnnouncesAtOnceWhereNothingIsToBeLearnt) {
    EXPECT_TRUE(Presence(true, kStart).may_announce({}, false, kStart)) << "learn: 0s";
    EXPECT_TRUE(Presence(false, kStart).may_announce(kLearns, false, kStart)) << "a datapath was adopted";
}

TEST(Presence, StaysWithdrawn) {
    Presence presence(false, kStart);
    presence.withdraw();
    EXPECT_FALSE(presence.may_announce(kLearns, true, kStart + 1h));
}

}  // namespace
}  // namespace weir::control
