#include "health/pace.h"

#include <gtest/gtest.h>

#include <array>

namespace weir::health {
namespace {

using namespace std::chrono_literals;

const Pace::Time kStart{1000s};

TEST(Pace, BeginsWithinTheOpeningAndGoesOnOnTheGrid) {
    Pace pace(kStart, 2s, 1, 0.5);
    EXPECT_EQ(pace.first(), kStart + 100ms);
    EXPECT_EQ(pace.next(kStart + 100ms, kStart + 110ms, true, 0.9), kStart + 300ms);
    EXPECT_EQ(pace.next(kStart + 300ms, kStart + 310ms, false, 0), kStart + 1s);
    EXPECT_EQ(pace.next(kStart + 1s, kStart + 1010ms, false, 0), kStart + 3s);
}

TEST(Pace, MovesEachProbeByATwentiethAtMost) {
    Pace pace(kStart, 2s, 1, 0.5);
    EXPECT_EQ(pace.next(kStart, kStart + 10ms, false, 0.5), kStart + 1050ms);
    // A probe that chance made late does not shift the ones after it.
    EXPECT_EQ(pace.next(kStart + 1099ms, kStart + 1110ms, false, 0), kStart + 3s);
}

TEST(Pace, SkipsWhatASlowProbeMissed) {
    Pace pace(kStart, 1s, 1, 0);
    EXPECT_EQ(pace.next(kStart + 1s, kStart + 3500ms, false, 0), kStart + 4s);
    EXPECT_EQ(pace.next(kStart + 1s, kStart + 3500ms, true, 0), kStart + 3500ms);
}

TEST(Pace, OpensNoFasterThanTheInterval) {
    Pace pace(kStart, 50ms, 1, 0.999);
    EXPECT_LT(pace.first(), kStart + 50ms);
    EXPECT_EQ(pace.next(kStart, kStart, true, 0), kStart + 50ms);
}

TEST(Pace, OpensMoreSlowlyForManyChecks) {
    Pace pace(kStart, 2s, 10000, 0.5);
    EXPECT_EQ(pace.first(), kStart + 500ms);
    EXPECT_EQ(pace.next(pace.first(), pace.first() + 1ms, true, 0), kStart + 1500ms);
}

TEST(Pace, SpreadsTenThousandChecksEvenly) {
    constexpr size_t kChecks = 10000;
    std::array<size_t, 20> slots{};
    for (size_t i = 0; i < kChecks; i++) {
        Pace pace(kStart, 2s, kChecks, static_cast<double>(i) / kChecks);
        auto due = pace.next(pace.first(), kStart + 4s, false, 0) - kStart;
        slots[static_cast<size_t>(due / 100ms) % slots.size()]++;
    }
    for (auto count : slots) EXPECT_NEAR(static_cast<double>(count), 500, 2);
}

}  // namespace
}  // namespace weir::health
