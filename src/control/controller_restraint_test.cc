// Which targets may take new flows: by their checks, slowly, and up to their caps.
#include "control/controller_fixture.h"

namespace weir::control {
namespace {

using namespace std::chrono_literals;

TEST_F(ControllerTest, StartsTargetsWithChecksDown) {
    config.services["web"].checks.push_back({model::TcpCheck{}});
    start();
    for (const auto& target : engine.applied[0].frontends[0].targets) {
        EXPECT_FALSE(target.health.up);
        EXPECT_EQ(target.health.reason, "not checked yet");
    }
}

TEST_F(ControllerTest, LeavesRecoveredTargetsUpUntilTheirChecksFail) {
    model::Check check{model::TcpCheck{}};
    check.interval = 5ms;
    check.timeout = 5ms;
    check.fall = 2;
    config.services["web"].checks.push_back(check);
    start({{sample_target(1), {true, "recovered"}}});
    EXPECT_TRUE(engine.applied[0].frontends[0].targets[0].health.up);
    EXPECT_FALSE(engine.applied[0].frontends[0].targets[1].health.up);
    run_until([&] { return !engine.applied.back().frontends[0].targets[0].health.up; });
}

TEST_F(ControllerTest, LetsATargetThatComesUpBeginSlowly) {
    config.services["web"].slow_start = 18s;
    start();
    clock.pass(60s);
    engine.cannot_reach[sample_target(1)] = "no neighbour answers";
    controller->wake();
    run_until([&] { return engine.applied.size() == 2; });
    engine.cannot_reach.clear();
    controller->wake();
    run_until([&] { return engine.applied.size() == 3; });
    auto fraction = [&] { return engine.applied.back().frontends[0].targets[0].fraction; };
    EXPECT_EQ(fraction(), model::kWhole / 10);
    clock.pass(1s);
    controller->tick();
    EXPECT_EQ(engine.applied.size(), 3u) << "within a step nothing is applied";
    clock.pass(1s);
    controller->tick();
    EXPECT_EQ(fraction(), model::kWhole / 5);
    EXPECT_EQ(controller->status().backends[0].target.fraction, model::kWhole / 5);
    clock.pass(16s);
    controller->tick();
    EXPECT_EQ(fraction(), model::kWhole);
}

TEST_F(ControllerTest, TakesAFullBackendOutUntilItHasRoom) {
    config.pools["web"].backends[0].max_connections = 10;
    start();
    auto accepts = [&] { return engine.applied.back().frontends[0].targets[0].accepts; };
    engine.observation.targets[sample_target(1)].flows_active = 10;
    controller->tick();
    EXPECT_EQ(accepts(), model::Accepts::established);
    engine.observation.targets[sample_target(1)].flows_active = 8;
    controller->tick();
    EXPECT_EQ(accepts(), model::Accepts::all);
    controller->tick();
    EXPECT_EQ(engine.applied.size(), 3u);
}

TEST_F(ControllerTest, TicksByItselfWhereTheChoiceDependsOnTime) {
    start();
    next_load->pools["web"].backends[0].max_connections = 10;
    controller->reload();
    engine.observation.targets[sample_target(1)].flows_active = 10;
    run_until(
        [&] { return engine.applied.back().frontends[0].targets[0].accepts == model::Accepts::established; });
}

}  // namespace
}  // namespace weir::control
