#include "admin/rate_limit.h"

#include <gtest/gtest.h>

namespace weir::admin {
namespace {

using namespace std::chrono_literals;

class RateLimitTest : public testing::Test {
  protected:
    /// How many of `tries` at one moment are let in.
    int come(const char* client, int tries) {
        int came = 0;
        for (int i = 0; i < tries; ++i) came += limit.take(client, now) == 0ns;
        return came;
    }

    RateLimit limit{{.per_second = 10, .burst = 20}, 3};
    RateLimit::Time now{1h};
};

TEST_F(RateLimitTest, LetsABurstInAndThenAsManyAsTimePasses) {
    EXPECT_EQ(come("a", 100), 20);
    now += 500ms;
    EXPECT_EQ(come("a", 100), 5);
    now += 1h;
    EXPECT_EQ(come("a", 100), 20) << "no more than the burst, however long it was away";
}

TEST_F(RateLimitTest, SaysHowLongToWait) {
    come("a", 20);
    EXPECT_EQ(limit.wait("a", now), 100ms);
    EXPECT_EQ(limit.take("a", now), 100ms);
    now += 50ms;
    EXPECT_EQ(limit.take("a", now), 50ms) << "who is refused loses nothing by it";
    now += 50ms;
    EXPECT_EQ(limit.wait("a", now), 0ms);
    EXPECT_EQ(limit.take("a", now), 0ms);
}

TEST_F(RateLimitTest, LooksAtEachClientAlone) {
    EXPECT_EQ(come("a", 100), 20);
    EXPECT_EQ(come("b", 100), 20);
    EXPECT_EQ(limit.wait("c", now), 0ms);
}

TEST_F(RateLimitTest, ForgetsWhoHasBeenAwayLongest) {
    for (auto client : {"a", "b", "c"}) come(client, 20);
    come("a", 1);
    come("d", 20);
    EXPECT_EQ(limit.clients(), 3u);
    EXPECT_GT(limit.wait("a", now), 0ms);
    EXPECT_EQ(limit.wait("b", now), 0ms);
    EXPECT_GT(limit.wait("c", now), 0ms);
}

TEST_F(RateLimitTest, IsNotTakenInByAClockThatStandsStill) {
    come("a", 20);
    EXPECT_EQ(come("a", 1000), 0);
}

}  // namespace
}  // namespace weir::admin
