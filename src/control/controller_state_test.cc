// What the operator changes by hand, and what is kept over a restart.
#include "control/controller_fixture.h"

#include <filesystem>
#include <fstream>

namespace weir::control {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST_F(ControllerTest, DisablesADrainingBackendAtTheDeadlineAndSaysHowManyFlowsWereCut) {
    const model::OverrideKey key{ip("10.0.0.1")};
    engine.observation.targets[sample_target(1)].flows_active = 5;
    engine.observation.flow_table.counts_total = 1;
    start();
    EXPECT_EQ(controller->set_override(key, {.state = model::AdminState::draining, .drain_for = 60s}, "ada"),
              "");
    EXPECT_EQ(engine.applied.back().frontends[0].targets[0].accepts, model::Accepts::established);
    wall_clock += 60s;
    controller->wake();
    run_until([&] { return engine.applied.size() == 3; });
    EXPECT_EQ(engine.applied.back().frontends[0].targets[0].accepts, model::Accepts::nothing);
    auto rows = controller->status().overrides;
    ASSERT_EQ(rows.size(), 1u);
    EXPECT_EQ(rows[0].override.state, model::AdminState::disabled);
    EXPECT_EQ(rows[0].override.flows_cut, 5u);
    EXPECT_EQ(rows[0].override.by, "ada");
}

TEST_F(ControllerTest, LooksAfterADrainByItself) {
    const model::OverrideKey key{ip("10.0.0.1")};
    start();
    controller->set_override(key, {.state = model::AdminState::draining}, "ada");
    auto drained = [&] { return controller->status().overrides[0].drained; };
    EXPECT_EQ(drained(), std::nullopt) << "nothing has been counted yet";
    engine.observation.flow_table.counts_total += 1;
    EXPECT_EQ(drained(), false);
    engine.observation.flow_table.counts_total += 1;
    run_until([&] { return drained() == true; });
}

TEST_F(ControllerTest, KeepsOverridesOverReloadsAndRestarts) {
    char folder[] = "/tmp/weir-controller-test-XXXXXX";
    overrides_file = std::string(::mkdtemp(folder)) + "/overrides.json";
    start().set_override({ip("10.0.0.1")}, {.weight = 0}, "ada");
    controller->reload();
    EXPECT_EQ(engine.applied.back().frontends[0].targets[0].backend.weight, 0u);
    engine.applied.clear();
    start();
    EXPECT_EQ(engine.applied.back().frontends[0].targets[0].backend.weight, 0u);
    next_load->pools["web"].backends.erase(next_load->pools["web"].backends.begin());
    controller->reload();
    auto rows = controller->status().overrides;
    ASSERT_EQ(rows.size(), 1u);
    ASSERT_EQ(controller->override_rows().size(), 1u);
    EXPECT_FALSE(controller->override_rows()[0].use.used);
    EXPECT_FALSE(rows[0].use.used) << "it stays listed";
    EXPECT_EQ(controller->lift_override({ip("10.0.0.1")}, "ada"), "");
    EXPECT_EQ(controller->lift_override({ip("10.0.0.1")}, "ada"), std::nullopt);
    std::filesystem::remove_all(folder);
}

TEST_F(ControllerTest, LooksAtNoMoreThanTheServicesThatChanged) {
    auto& other = config.services["other"] = config.services["web"];
    other.vips = {net::only(ip("192.0.2.9"))};
    start();
    controller->set_override({ip("10.0.0.1"), "web"}, {.weight = 7}, "ada");
    ASSERT_EQ(engine.applied.size(), 2u);
    const auto &before = engine.applied[0].frontends, &after = engine.applied[1].frontends;
    ASSERT_EQ(before[1].service, "other");
    EXPECT_EQ(after.item(1), before.item(1));
    EXPECT_EQ(after[0].targets[0].backend.weight, 7u);
    controller->set_override({ip("10.0.0.1")}, {.weight = 8}, "ada");
    EXPECT_EQ(engine.applied[2].frontends[0].targets[0].backend.weight, 7u);
    EXPECT_EQ(engine.applied[2].frontends[1].targets[0].backend.weight, 8u);
    controller->lift_override({ip("10.0.0.1"), "web"}, "ada");
    EXPECT_EQ(engine.applied[3].frontends[0].targets[0].backend.weight, 8u);
}

TEST_F(ControllerTest, LetsAChangeByHandWaitForNothingThatChecksHaveFound) {
    for (int i = 0; i < 100; ++i) {
        auto& service = config.services[fmt::format("down{}", i)] = config.services["web"];
        service.vips = {net::only(net::Ip::v4({192, 0, 2, static_cast<uint8_t>(100 + i)}))};
        service.checks = {{.kind = model::TcpCheck{}, .history = 1, .rise = 1, .fall = 1}};
    }
    model::HealthMap up;
    for (const auto& target : model::targets_of(config)) up[target] = {true, "before"};
    planning = std::chrono::milliseconds(100);
    start(up);
    // There is no way to any backend, so all go down, one after the other.
    auto down = [&] {
        size_t count = 0;
        for (const auto& frontend : engine.applied.back().frontends)
            for (const auto& target : frontend.targets) count += !target.health.up;
        return count;
    };
    auto found_down = [&] {
        auto is_down = [](const BackendRow& row) { return !row.target.health.up; };
        return static_cast<size_t>(std::ranges::count_if(controller->status().backends, is_down));
    };
    run_until([&] { return found_down() > down(); });
    const auto before = down();
    controller->set_override({ip("10.0.0.1"), "web"}, {.weight = 7}, "ada");
    EXPECT_EQ(engine.applied.back().frontends[0].targets[0].backend.weight, 7u);
    EXPECT_EQ(down(), before) << "of the others nothing is planned along";
    run_until([&] { return down() == 300; });
}

TEST_F(ControllerTest, KeepsWhatTheChecksHaveSeenOverARestart) {
    char folder[] = "/tmp/weir-controller-test-XXXXXX";
    health_file = std::string(::mkdtemp(folder)) + "/health.json";
    config.services["web"].checks.push_back({model::TcpCheck{}});
    const model::HealthMap recovered = {{sample_target(1), {true, "up before the restart"}}};
    start(recovered);
    auto row = [&] { return controller->status().backends[0]; };
    run_until([&] { return row().last_check.has_value(); });
    auto before = row();
    controller->save();
    start(recovered);
    EXPECT_EQ(row().last_check, before.last_check);
    EXPECT_EQ(row().target.health, before.target.health);
    EXPECT_FALSE(std::filesystem::exists(health_file))
        << "should this daemon be killed, it is no longer true";
    controller->save();
    wall_clock += 1h;
    start(recovered);
    EXPECT_FALSE(row().last_check) << "it is too old";
    std::filesystem::remove_all(folder);
}

TEST_F(ControllerTest, GoesOnWithASlowStartAfterARestart) {
    char folder[] = "/tmp/weir-controller-test-XXXXXX";
    health_file = std::string(::mkdtemp(folder)) + "/health.json";
    config.services["web"].slow_start = 18s;
    const model::HealthMap recovered = {{sample_target(2), {true, "up before the restart"}}};
    start(recovered);
    auto fraction = [&](size_t i) { return engine.applied.back().frontends[0].targets[i].fraction; };
    EXPECT_EQ(fraction(0), model::kWhole / 10) << "new beside one that was up";
    EXPECT_EQ(fraction(1), model::kWhole);
    controller->save();
    wall_clock += 10s;
    start({{sample_target(1), {true, "up"}}, {sample_target(2), {true, "up"}}});
    EXPECT_EQ(fraction(0), model::kWhole * 6 / 10);
    EXPECT_EQ(fraction(1), model::kWhole);
    std::filesystem::remove_all(folder);
}

TEST_F(ControllerTest, CountsOverridesThatCannotBeSavedAsAProblem) {
    overrides_file = "/dev/null/overrides.json";
    start().set_override({ip("10.0.0.1")}, {.weight = 0}, "ada");
    EXPECT_EQ(engine.applied.back().frontends[0].targets[0].backend.weight, 0u);
    auto problems = problems_of(controller->status());
    ASSERT_EQ(problems.size(), 1u);
    EXPECT_THAT(problems[0], HasSubstr("not saved"));
}

TEST_F(ControllerTest, SavesOverridesThoughThePlanIsNotInForce) {
    char folder[] = "/tmp/weir-controller-test-XXXXXX";
    overrides_file = std::string(::mkdtemp(folder)) + "/state/overrides.json";
    std::ofstream(std::string(folder) + "/state") << "in the way";
    start();
    engine.broken = {{"eth0", "it is gone"}};
    controller->set_override({ip("10.0.0.1")}, {.weight = 0}, "ada");
    ASSERT_EQ(controller->not_in_force(), "it is gone");
    ASSERT_FALSE(controller->overrides().is_saved());
    std::filesystem::remove(std::string(folder) + "/state");
    run_until([&] { return controller->overrides().is_saved(); });
    EXPECT_EQ(controller->not_in_force(), "it is gone");
    std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace weir::control
