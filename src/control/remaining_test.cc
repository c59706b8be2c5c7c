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

/// Two services, whose VIPs are 192.0.2.1 and 2001:db8::1, and with IPVS 192.0.2.9.
model::Config with_both_engines() {
    auto config = sample_config();
    auto& other = config.services["other"] = config.services["web"];
    other.vips = {net::only(ip("192.0.2.9"))};
    other.engine = model::EngineKind::ipvs;
    other.ipvs = model::Ipvs{};
    return config;
}

bool is_xdp(model::EngineKind kind) {
    return kind == model::EngineKind::xdp;
}

std::vector<std::string> keys_of(const model::Plan& plan) {
    std::vector<std::string> keys;
    for (const auto& frontend : plan.frontends) keys.push_back(frontend.key.text());
    return keys;
}

TEST(Partly, HasTheFormerFrontendsOfTheEngineThatFailed) {
    auto config = with_both_engines();
    const auto former = plan_of(config);
    config.services.at("other").vips = {net::only(ip("192.0.2.7"))};
    config.services.at("web").need = 9;
    const auto wanted = plan_of(config);
    auto plan = partly(&former, wanted, is_xdp);
    EXPECT_EQ(keys_of(plan),
              (std::vector<std::string>{"192.0.2.1:80/tcp", "192.0.2.9:80/tcp", "[2001:db8::1]:80/tcp"}));
    EXPECT_FALSE(plan.frontends[0].healthy) << "as it is wanted";
}

TEST(Partly, HasNothingOfAnEngineThatNeverHadAnything) {
    auto plan = partly(nullptr, plan_of(with_both_engines()), is_xdp);
    EXPECT_EQ(keys_of(plan), (std::vector<std::string>{"192.0.2.1:80/tcp", "[2001:db8::1]:80/tcp"}));
}

TEST(Partly, HasAFrontendThatChangesItsEngineOnce) {
    auto config = with_both_engines();
    const auto former = plan_of(config);
    config.services.at("other").engine = model::EngineKind::xdp;
    config.services.at("other").ipvs.reset();
    const auto wanted = plan_of(config);
    EXPECT_EQ(partly(&former, wanted, is_xdp).frontends, wanted.frontends);
}

}  // namespace
}  // namespace weir::control
