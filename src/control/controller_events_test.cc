// What the controller reports, and tells.
#include "control/controller_fixture.h"

namespace weir::control {
namespace {

using namespace std::chrono_literals;

TEST_F(ControllerTest, ReportsTrafficBesideWhatIsWanted) {
    engine.observation.targets[sample_target(2)].packets_total = 17;
    engine.observation.interfaces = {{"eth0", "native", ""}};
    start();
    auto report = controller->status();
    ASSERT_EQ(report.backends.size(), 6u);
    EXPECT_EQ(report.backends[1].key, sample_target(2));
    EXPECT_EQ(report.backends[1].traffic.packets_total, 17u);
    EXPECT_EQ(report.interfaces[0].mode, "native");
    EXPECT_THAT(problems_of(report), testing::IsEmpty());
}

TEST_F(ControllerTest, ReportsTheNewestReasons) {
    engine.cannot_reach[sample_target(1)] = "not resolved yet";
    start();
    engine.cannot_reach[sample_target(1)] = "no neighbour answers";
    EXPECT_EQ(controller->status().backends[0].target.health.reason, "no neighbour answers");
}

TEST_F(ControllerTest, NamesWhatIsWrong) {
    for (int i : {1, 2, 3}) engine.cannot_reach[sample_target(i)] = "no neighbour answers";
    engine.observation.interfaces = {{"eth0", "", "no such interface"}};
    engine.observation.claims = {{ip("192.0.2.1"), {{2, 0, 0, 0, 0, 7}}, "eth1", {}}};
    auto problems = problems_of(start().status());
    ASSERT_EQ(problems.size(), 6u);
    EXPECT_EQ(problems[0], "interface eth0: no such interface");
    EXPECT_EQ(problems[1], "192.0.2.1 is also claimed by 02:00:00:00:00:07 on eth1");
    EXPECT_EQ(problems[2],
              "service web at 192.0.2.1:80/tcp is down: 0 of 3 backends take new flows, 1 needed");
    EXPECT_EQ(problems[3], "backend 10.0.0.1 of web (192.0.2.1:80/tcp) is down: no neighbour answers");
}

TEST_F(ControllerTest, TellsItsHeraldOfEveryEventAsItIsKept) {
    start();
    engine.cannot_reach[sample_target(1)] = "no neighbour answers";
    controller->wake();
    run_until([&] { return engine.applied.size() == 2; });
    EXPECT_EQ(herald.told, controller->events()->after(0, 100));
    EXPECT_THAT(herald.assumed, testing::IsEmpty());
    next_load->alerts["oncall"] = {};
    controller->reload();
    EXPECT_THAT(herald.alerts, testing::ElementsAre(0, 1));
}

TEST_F(ControllerTest, LetsItsHeraldKnowWhatWasDownBefore) {
    config.services["web"].checks = {{model::TcpCheck{}}};
    start({{sample_target(1), {false, "L4CON"}}, {sample_target(2), {true, "L4OK"}}});
    EXPECT_THAT(herald.assumed,
                testing::ElementsAre("backend 10.0.0.1 of 192.0.2.1:80/tcp is down: not checked yet"));
}

TEST_F(ControllerTest, CountsAnAlertThatCannotBeDeliveredAsAProblem) {
    start();
    EXPECT_THAT(problems_of(controller->status()), testing::IsEmpty());
    herald.row = {.name = "oncall", .waiting = 12, .failing_since = SystemTime(1000s), .error = "HTTP 503"};
    EXPECT_THAT(problems_of(controller->status()),
                testing::ElementsAre("alert oncall: cannot be delivered since 1970-01-01T00:16:40.000Z: HTTP "
                                     "503; 12 wait"));
}

TEST_F(ControllerTest, TellsWhatHappens) {
    engine.refuse_next = Error{"no memory"};
    start();
    run_until([&] { return engine.applied.size() == 1; });
    engine.cannot_reach[sample_target(1)] = "no neighbour answers";
    controller->wake();
    run_until([&] { return engine.applied.size() == 2; });
    const model::OverrideKey key{ip("10.0.0.2"), "web"};
    controller->set_override(key, {.state = model::AdminState::draining, .drain_for = 60s}, "ada");
    engine.observation.flow_table.counts_total += 2;
    wall_clock += 60s;
    controller->wake();
    run_until([&] { return engine.applied.size() == 4; });
    controller->lift_override(key, "bob");
    controller->reload();
    next_load = std::unexpected(std::vector<config::Mistake>{{3, 5, "unknown key"}});
    controller->reload();
    std::vector<std::string_view> kinds;
    for (const auto& event : controller->events()->after(0, 100)) kinds.push_back(to_text(event.kind));
    EXPECT_THAT(kinds, testing::ElementsAre("started", "plan_failed", "plan_applied", "backend_down",
                                            "plan_applied", "override_set", "plan_applied", "drain_finished",
                                            "override_expired", "plan_applied", "override_lifted",
                                            "plan_applied", "reload_accepted", "reload_refused"));
    auto expired = controller->events()->after(0, 100).at(8);
    EXPECT_EQ(expired.service, "web");
    EXPECT_EQ(expired.backend, ip("10.0.0.2"));
    EXPECT_EQ(expired.at, wall_clock);
}

}  // namespace
}  // namespace weir::control
