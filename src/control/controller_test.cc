// Plans, reloads and announcements.
#include "control/controller_fixture.h"

namespace weir::control {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST_F(ControllerTest, AppliesThePlanAtStart) {
    start();
    ASSERT_EQ(engine.applied.size(), 1u);
    EXPECT_EQ(engine.applied[0], model::plan(config, {}));
    EXPECT_EQ(controller->applied_number(), 1u);
    EXPECT_EQ(*controller->applied(), engine.applied[0]);
}

TEST_F(ControllerTest, DoesNotApplyWhatIsInForce) {
    start().wake();
    clock.settle();
    EXPECT_EQ(engine.applied.size(), 1u);
}

TEST_F(ControllerTest, MakesOnePassOfManyChanges) {
    start();
    engine.cannot_reach[sample_target(1)] = "no neighbour answers";
    for (int i = 0; i < 100; ++i) controller->wake();
    run_until([&] { return engine.applied.size() == 2; });
    EXPECT_FALSE(engine.applied[1].frontends[0].targets[0].health.up);
    clock.settle();
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

TEST_F(ControllerTest, WithdrawsWhatNobodyAnswersForEvenWhereTheDatapathDoesNotFollow) {
    start();
    ASSERT_EQ(announcer.announced.size(), 1u);
    for (int i = 1; i <= 3; ++i) engine.cannot_reach[sample_target(i)] = "no neighbour answers";
    engine.refuse_next = Error{"the kernel is out of sorts"};
    controller->wake();
    run_until([&] { return !controller->not_in_force().empty(); });
    ASSERT_EQ(announcer.announced.size(), 2u);
    EXPECT_FALSE(announcer.announced[1].frontends[0].answers());
    EXPECT_TRUE(announcer.announced[1].frontends[1].answers()) << "it is as it was";
}

TEST_F(ControllerTest, AnnouncesWhatOneOfSeveralEnginesHasInForceWhileAnotherFails) {
    auto& other = config.services["other"] = config.services.at("web");
    other.vips = {net::only(ip("192.0.2.9"))};
    other.engine = model::EngineKind::ipvs;
    other.ipvs = model::Ipvs{};
    engine.refuse_next = Error{"the kernel has no ip_vs"};
    engine.unharmed = {model::EngineKind::xdp};
    start();
    EXPECT_EQ(controller->not_in_force(), "the kernel has no ip_vs");
    EXPECT_EQ(controller->status().daemon.engine, "xdp, ipvs");
    ASSERT_EQ(announcer.announced.size(), 1u);
    for (const auto& frontend : announcer.announced[0].frontends) EXPECT_EQ(frontend.service, "web");
    EXPECT_EQ(announcer.announced[0].frontends.size(), 2u);
    run_until([&] { return engine.applied.size() == 1; });
    EXPECT_EQ(announcer.announced.back().frontends.size(), 3u);
    EXPECT_EQ(controller->not_in_force(), "");
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
    clock.settle();
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
    clock.pass(10s);
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

}  // namespace
}  // namespace weir::control
