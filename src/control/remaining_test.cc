#include "control/remaining.h"

#include <gtest/gtest.h>

#include "control/sample.h"

namespace weir::control {
namespace {

model::Plan plan_of(const model::Config& config) {
    return model::plan(config, {});
}

TEST(Remaining, IsNothingOfNoteWhereNothingIsLost) {
    EXPECT_FALSE(remaining(plan_of(sample_config()), plan_of(sample_config())));
    auto more = sample_config();
    more.services["new"] = more.services["web"];
    more.services["new"].vips = {net::only(ip("192.0.2.9"))};
    EXPECT_FALSE(remaining(plan_of(sample_config()), plan_of(more)));
}

TEST(Remaining, HasNotWhatNobodyAnswersForAnyMore) {
    const auto in_force = plan_of(sample_config());
    auto wanted = in_force;
    auto& lost = wanted.frontends.edit(0);
    lost.healthy = false;
    lost.serving = model::Serving::nothing;
    auto left = remaining(in_force, wanted);
    ASSERT_TRUE(left);
    EXPECT_EQ(left->frontends.size(), in_force.frontends.size());
    EXPECT_FALSE(left->frontends[0].answers());
    EXPECT_EQ(left->frontends[1], in_force.frontends[1]);
    EXPECT_FALSE(remaining(*left, wanted)) << "once is enough";
}

TEST(Remaining, HasNotWhatTheConfigurationHasNoMore) {
    const auto in_force = plan_of(sample_config());
    auto wanted = in_force;
    wanted.frontends.clear();
    auto left = remaining(in_force, wanted);
    ASSERT_TRUE(left);
    EXPECT_TRUE(left->frontends.empty());
}

TEST(Remaining, IsSilentWithThePlanThatIs) {
    const auto in_force = plan_of(sample_config());
    auto wanted = in_force;
    wanted.silent = true;
    auto left = remaining(in_force, wanted);
    ASSERT_TRUE(left);
    EXPECT_TRUE(left->silent);
}

}  // namespace
}  // namespace weir::control
