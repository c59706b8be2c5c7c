#include "engine/xdp/sizing.h"

#include <gmock/gmock.h>

namespace weir::engine::xdp {
namespace {

using testing::HasSubstr;

model::Frontend frontend(uint16_t port, size_t backends) {
    model::Frontend frontend;
    frontend.key = {net::Ip::v4({192, 0, 2, 1}), net::Port(port), model::Protocol::udp};
    for (size_t i = 0; i < backends; i++)
        frontend.targets.push_back({{net::Ip::v4({10, static_cast<uint8_t>(i >> 16),
                                                  static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i)})},
                                    {true, ""},
                                    model::Accepts::all});
    return frontend;
}

TEST(LeastSizes, RefuseMoreTargetsThanThereAreNumbers) {
    model::Plan plan;
    plan.frontends = {frontend(1, WEIR_MAX_TARGETS - 2), frontend(2, 1)};
    ASSERT_TRUE(least_sizes(plan));
    EXPECT_EQ(least_sizes(plan)->target_slots, WEIR_MAX_TARGETS);
    plan.frontends.push_back(frontend(3, 1));
    auto refused = least_sizes(plan);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("262144 targets"));
}

TEST(LeastSizes, RefuseMoreRingEntriesThanARowCanName) {
    auto plan_of = [](uint16_t frontends) {
        model::Plan plan;
        for (uint16_t port = 1; port <= frontends; port++) plan.frontends.push_back(frontend(port, 1));
        plan.frontends.edit_each([](auto& each) { each.scheduler.table_size = 5'000'011; });
        return plan;
    };
    EXPECT_FALSE(least_sizes(plan_of(500)));
    EXPECT_TRUE(least_sizes(plan_of(400)));
}

TEST(LeastSizes, HaveRoomForEachServerIdOfEachFrontend) {
    model::Plan plan;
    plan.frontends = {frontend(443, 300), frontend(444, 300), frontend(445, 300)};
    plan.frontends.edit_each([](auto& each) {
        for (auto& target : each.targets) target.backend.server_id = {1, 2};
        if (each.key.port != net::Port(445)) each.quic = {{.rotation = 0}};
    });
    EXPECT_EQ(least_sizes(plan)->quic_servers, 600u);
    EXPECT_GE(roomy(*least_sizes(plan)).quic_servers, 600u);
}

TEST(LeastSizes, AreTheSameWhereThatIsSaid) {
    model::Plan plan;
    plan.frontends = {frontend(1, 1000), frontend(2, 30)};
    auto same = [&](auto change) {
        auto other = plan;
        change(other, other.frontends.edit(0));
        bool said = same_sizes(plan, other);
        EXPECT_TRUE(!said || *least_sizes(plan) == *least_sizes(other));
        return said;
    };
    EXPECT_TRUE(same([](auto&, auto& one) { one.targets[0].backend.weight = 9; }));
    EXPECT_TRUE(same([](auto&, auto& one) { one.targets[0].health.up = false; }));
    EXPECT_FALSE(same([](auto&, auto& one) { one.targets.resize(1025, one.targets[0]); }));
    EXPECT_FALSE(same([](auto&, auto& one) { one.scheduler.table_size = 99991; }));
    EXPECT_FALSE(same([](auto& other, auto&) { other.flows.size *= 8; }));
    EXPECT_FALSE(same([](auto&, auto& one) { one.forward.kind = model::ForwardKind::nat; }));
    EXPECT_FALSE(same([](auto&, auto& one) { one.quic.emplace_back(); }));
    EXPECT_FALSE(same([](auto&, auto& one) { one.targets[0].backend.server_id = {1, 2}; }));
    EXPECT_FALSE(same([](auto& other, auto&) { other.frontends.push_back(frontend(3, 1)); }));
}

}  // namespace
}  // namespace weir::engine::xdp
