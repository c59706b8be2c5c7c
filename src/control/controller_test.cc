#include "control/controller.h"

#include <gmock/gmock.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>

#include "announce/fake.h"
#include "control/sample.h"
#include "engine/fake.h"

namespace weir::control {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class NoWay final : public health::Path {
  public:
    net::Opened open(const model::TargetKey&, net::Carrier, net::Port) override { return fail("no way"); }
};

/// Remembers what it was told.
class Listener final : public Herald {
  public:
    void set(const model::Config& config) override { alerts.push_back(config.alerts.size()); }
    void tell(const Event& event) override { told.push_back(event); }
    void assume(const Event& event) override { assumed.push_back(event.message); }
    std::vector<AlertRow> rows() const override { return {row}; }

    std::vector<size_t> alerts;
    std::vector<Event> told;
    std::vector<std::string> assumed;
    AlertRow row{.name = "oncall"};
};

class ControllerTest : public testing::Test {
  protected:
    Controller& start(model::HealthMap recovered = {}) {
        Controller::Options options;
        options.config_path = "weir.yaml";
        options.engine_name = "fake";
        options.load = [this] { return next_load; };
        options.on_config = [this](const model::Config&) {
            ++configs_seen;
            return config_problem.empty() ? Status() : fail("{}", config_problem);
        };
        options.on_applied = [this] { told.push_back(controller ? controller->not_in_force() : "?"); };
        options.recovered = std::move(recovered);
        options.announcer = &announcer;
        options.herald = &herald;
        options.wall_clock = [this] { return wall_clock; };
        options.overrides_file = overrides_file;
        options.health_file = health_file;
        options.retry = Backoff(1ms, 4ms);
        options.now = [this] { return now; };
        controller.emplace(io.get_executor(), engine, path, config, std::move(options));
        controller->start();
        return *controller;
    }

    void run_until(const std::function<bool()>& condition) {
        auto deadline = std::chrono::steady_clock::now() + 10s;
        while (!condition() && std::chrono::steady_clock::now() < deadline) {
            if (io.stopped()) io.restart();  // it stops where it had nothing left to do
            io.run_one_for(100ms);
        }
        ASSERT_TRUE(condition());
    }

    boost::asio::io_context io;
    engine::Fake engine;
    announce::Fake announcer;
    Listener herald;
    NoWay path;
    model::Config config = sample_config();
    config::Loaded next_load = sample_config();
    int configs_seen = 0;
    std::string config_problem;
    std::vector<std::string> told;  // not_in_force() at each on_applied()
    SteadyTime now{1000s};
    SystemTime wall_clock{std::chrono::hours(24)};
    std::string overrides_file;
    std::string health_file;
    std::optional<Controller> controller;
};

TEST_F(ControllerTest, AppliesThePlanAtStart) {
    start();
    ASSERT_EQ(engine.applied.size(), 1u);
    EXPECT_EQ(engine.applied[0], model::plan(config, {}));
    EXPECT_EQ(controller->applied_number(), 1u);
    EXPECT_EQ(*controller->applied(), engine.applied[0]);
}

TEST_F(ControllerTest, DoesNotApplyWhatIsInForce) {
    start().wake();
    io.run_for(0ms);
    EXPECT_EQ(engine.applied.size(), 1u);
}

TEST_F(ControllerTest, MakesOnePassOfManyChanges) {
    start();
    engine.cannot_reach[sample_target(1)] = "no neighbour answers";
    for (int i = 0; i < 100; ++i) controller->wake();
    run_until([&] { return engine.applied.size() == 2; });
    EXPECT_FALSE(engine.applied[1].frontends[0].targets[0].health.up);
    io.run_for(0ms);
    EXPECT_EQ(engine.applied.size(), 2u);
}

TEST_F(ControllerTest, TriesAgainWhatFailed) {
    engine.refuse_next = Error{"the kernel is out of sorts"};
    start();
    EXPECT_EQ(controller->not_in_force(), "the kernel is out of sorts");
    EXPECT_EQ(controller->applied(), nullptr);
    run_until([&] { return engine.applied.size() == 1; });
    EXPECT_EQ(controller->not_in_force(), "");
    EXPECT_EQ(controller->status().applying.failures_total, 1u);
    EXPECT_EQ(controller->applied_number(), 1u);
}

TEST_F(ControllerTest, AnnouncesWhatIsInForceOnTheAttachedInterfaces) {
    config.services.at("web").announce_arp = true;
    engine.observation.interfaces = {{"eth0", "native", ""}, {"eth1", "", "no such interface"}};
    start();
    ASSERT_EQ(announcer.announced.size(), 1u);
    EXPECT_EQ(announcer.announced[0], engine.applied[0]);
    EXPECT_THAT(announcer.attached, testing::ElementsAre("eth0"));

    // Without another plan: an interface may have come up.
    engine.observation.interfaces[1] = {"eth1", "native", ""};
    controller->wake();
    run_until([&] { return announcer.announced.size() == 2; });
    EXPECT_EQ(engine.applied.size(), 1u);
    EXPECT_THAT(announcer.attached, testing::ElementsAre("eth0", "eth1"));
}

TEST_F(ControllerTest, CarriesOnWithoutOneOfItsInterfaces) {
    config.services.at("web").announce_arp = true;
    config.interfaces.push_back({"eth1"});
    engine.broken = {{"eth1", "there is no interface eth1"}};
    start();
    EXPECT_EQ(controller->not_in_force(), "");
    EXPECT_THAT(announcer.attached, testing::ElementsAre("eth0"));
    EXPECT_THAT(problems_of(controller->status()),
                testing::ElementsAre("interface eth1: there is no interface eth1"));
}

TEST_F(ControllerTest, HasNothingInForceWithoutAnyInterface) {
    engine.broken = {{"eth0", "there is no interface eth0"}};
    start();
    EXPECT_EQ(controller->not_in_force(), "there is no interface eth0");
}

TEST_F(ControllerTest, AnnouncesNothingThatIsNotInForce) {
    engine.refuse_next = Error{"out of memory"};
    start();
    EXPECT_THAT(announcer.announced, testing::IsEmpty());
    run_until([&] { return !announcer.announced.empty(); });
    EXPECT_EQ(engine.applied.size(), 1u);
}

TEST_F(ControllerTest, KeepsEverythingWhenAReloadIsRefused) {
    start();
    next_load =
        std::unexpected(std::vector<config::Mistake>{{3, 5, "unknown key 'vips'; did you mean 'vip'?"}});
    auto done = controller->reload();
    ASSERT_EQ(done.mistakes.size(), 1u);
    EXPECT_EQ(done.mistakes[0].line, 3);
    EXPECT_EQ(engine.applied.size(), 1u);
    EXPECT_EQ(configs_seen, 1) << "at the start";
    auto report = controller->status();
    EXPECT_EQ(report.reloads.refused_total, 1u);
    EXPECT_THAT(report.reloads.last_error, HasSubstr("weir.yaml:3:5: unknown key"));
    EXPECT_EQ(report.services.size(), 1u);
}

TEST_F(ControllerTest, AppliesAReloadedConfigurationAtOnce) {
    start();
    auto bigger = sample_config();
    bigger.pools["web"].backends.push_back({ip("10.0.0.4")});
    next_load = bigger;
    EXPECT_TRUE(controller->reload().accepted());
    ASSERT_EQ(engine.applied.size(), 2u);
    EXPECT_EQ(engine.applied[1].frontends[0].targets.size(), 4u);
    EXPECT_EQ(configs_seen, 2);
    EXPECT_EQ(controller->status().reloads.accepted_total, 1u);
}

TEST_F(ControllerTest, TakesNoBackendDownThatGetsItsFirstCheck) {
    start();
    ASSERT_TRUE(engine.applied[0].frontends[0].targets[0].health.up);
    auto next = sample_config();
    next.services["web"].checks.push_back({model::TcpCheck{}});
    next.pools.begin()->second.backends.push_back({ip("10.0.0.77")});
    next_load = next;
    controller->reload();
    std::map<std::string, bool> up;
    for (const auto& target : engine.applied.back().frontends[0].targets)
        up[target.backend.address.text()] = target.health.up;
    EXPECT_EQ(up.size(), engine.applied[0].frontends[0].targets.size() + 1);
    for (const auto& [backend, is_up] : up) EXPECT_EQ(is_up, backend != "10.0.0.77") << backend;
}

TEST_F(ControllerTest, SaysWhatOfAnAcceptedReloadCannotBeFollowed) {
    start();
    config_problem = "cannot listen on 127.0.0.1:9070: Address already in use";
    auto done = controller->reload();
    EXPECT_TRUE(done.accepted());
    EXPECT_EQ(done.not_applied, config_problem);
    EXPECT_THAT(problems_of(controller->status()), testing::ElementsAre(config_problem));
    config_problem.clear();
    controller->reload();
    EXPECT_THAT(problems_of(controller->status()), testing::IsEmpty());
}

TEST_F(ControllerTest, TriesAgainWhatCouldNotBeFollowed) {
    config_problem = "cannot listen on 127.0.0.1:9070: Address already in use";
    start();
    EXPECT_THAT(problems_of(controller->status()), testing::ElementsAre(config_problem));
    config_problem.clear();
    run_until([&] { return problems_of(controller->status()).empty(); });
    EXPECT_THAT(problems_of(controller->status()), testing::IsEmpty());
}

TEST_F(ControllerTest, TellsWheneverWhatIsInForceChanges) {
    engine.refuse_next = Error{"no memory"};
    start();
    run_until([&] { return engine.applied.size() == 1; });
    controller->wake();
    io.run_for(0ms);
    EXPECT_THAT(told, testing::ElementsAre("no memory", "")) << "and nothing where nothing has changed";
}

TEST_F(ControllerTest, SaysThatAnAcceptedReloadIsNotInForceYet) {
    start();
    next_load->unmatched = model::Unmatched::pass;
    engine.refuse_next = Error{"no memory"};
    auto done = controller->reload();
    EXPECT_TRUE(done.accepted());
    EXPECT_EQ(done.not_applied, "no memory");
    run_until([&] { return engine.applied.size() == 2; });
}

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
    now += 60s;
    engine.cannot_reach[sample_target(1)] = "no neighbour answers";
    controller->wake();
    run_until([&] { return engine.applied.size() == 2; });
    engine.cannot_reach.clear();
    controller->wake();
    run_until([&] { return engine.applied.size() == 3; });
    auto fraction = [&] { return engine.applied.back().frontends[0].targets[0].fraction; };
    EXPECT_EQ(fraction(), model::kWhole / 10);
    now += 1s;
    controller->tick();
    EXPECT_EQ(engine.applied.size(), 3u) << "within a step nothing is applied";
    now += 1s;
    controller->tick();
    EXPECT_EQ(fraction(), model::kWhole / 5);
    EXPECT_EQ(controller->status().backends[0].target.fraction, model::kWhole / 5);
    now += 16s;
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
    EXPECT_FALSE(controller->status().overrides[0].drained);
    engine.observation.flow_table.counts_total += 2;
    run_until([&] { return controller->status().overrides[0].drained; });
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

TEST_F(ControllerTest, AnnouncesNothingAfterAFreshStartUntilTheChecksHadTheirSay) {
    config.announcing.learn = 1h;
    config.services["web"].checks.push_back({model::TcpCheck{}});
    start();
    EXPECT_TRUE(engine.applied.back().silent);
    EXPECT_TRUE(announcer.announced.back().silent);
    run_until([&] { return !engine.applied.back().silent; });
    EXPECT_FALSE(announcer.announced.back().silent);
}

TEST_F(ControllerTest, AnnouncesWhenTheTimeToLearnIsOver) {
    config.announcing.learn = 10s;
    config.services["web"].checks.push_back({.kind = model::TcpCheck{}, .history = 1000, .rise = 1000});
    start();
    EXPECT_TRUE(engine.applied.back().silent);
    now += 10s;
    controller->wake();
    run_until([&] { return !engine.applied.back().silent; });
}

TEST_F(ControllerTest, AnnouncesAtOnceWhereADatapathWasAtWork) {
    config.announcing.learn = 1h;
    config.services["web"].checks.push_back({model::TcpCheck{}});
    start({{sample_target(1), {true, "up before the restart"}}});
    EXPECT_FALSE(engine.applied.back().silent);
}

TEST_F(ControllerTest, WithdrawsBeforeTheDatapathGoes) {
    start();
    EXPECT_FALSE(engine.applied.back().silent);
    controller->withdraw();
    EXPECT_TRUE(engine.applied.back().silent);
    EXPECT_TRUE(announcer.announced.back().silent);
    EXPECT_EQ(engine.applied.back().frontends, engine.applied.front().frontends) << "flows go on";
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
    controller->save_health();
    start(recovered);
    EXPECT_EQ(row().last_check, before.last_check);
    EXPECT_EQ(row().target.health, before.target.health);
    EXPECT_FALSE(std::filesystem::exists(health_file))
        << "should this daemon be killed, it is no longer true";
    controller->save_health();
    wall_clock += 1h;
    start(recovered);
    EXPECT_FALSE(row().last_check) << "it is too old";
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

TEST(Backoff, DoublesUpToItsLimitAndStartsAgain) {
    Backoff backoff(1s, 10s);
    for (auto expected : {1s, 2s, 4s, 8s, 10s, 10s}) EXPECT_EQ(backoff.next(), expected);
    backoff.reset();
    EXPECT_EQ(backoff.next(), 1s);
}

}  // namespace
}  // namespace weir::control
