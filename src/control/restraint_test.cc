#include "control/restraint.h"

#include <gmock/gmock.h>

#include "control/sample.h"
#include "control/share.h"

namespace weir::control {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Ramp, GoesFromATenthToTheWholeInSteps) {
    std::vector<unsigned> percents;
    for (auto at = 0s; at <= 20s; at += 2s)
        percents.push_back((ramp_fraction(at, 18s) * 100 + model::kWhole / 2) / model::kWhole);
    EXPECT_THAT(percents, ElementsAre(10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 100));
    EXPECT_EQ(ramp_fraction(1999ms, 18s), ramp_fraction(0s, 18s));
}

/// A world of one service `web` on one VIP, whose time and health the test moves.
class Restrained : public testing::Test {
  protected:
    Restrained() {
        service().vips = {net::only(kSampleV4.vip)};
        service().slow_start = 18s;
        service().checks = {{model::TcpCheck{}}};
        for (int i : {1, 2, 3}) set(i, true);
    }
    model::Service& service() { return config.services["web"]; }
    void set(int backend, bool up) { health[sample_target(backend)] = {up, ""}; }

    /// As the controller does.
    model::Plan plan() {
        auto plan = model::plan(config, health, restraint.allowances());
        restraint.look(config, plan, now);
        return model::plan(config, health, restraint.allowances());
    }
    model::Plan pass(std::chrono::seconds time) {
        for (auto end = now + time; now < end;) {
            now += 1s;
            restraint.tick(config, plan(), flows, flows, now);
        }
        return plan();
    }
    /// On the same datapath, by a clock of its own.
    void restart(std::chrono::seconds down = 0s) {
        auto holds = restraint.holds(now);
        for (auto& [target, held] : holds)
            if (held.ramping) *held.ramping += down;
        restraint = {};
        now = SteadyTime{5000s};
        restraint.resume(health, holds, now);
    }
    static std::vector<unsigned> percents(const model::Plan& plan) {
        std::vector<unsigned> out;
        for (const auto& target : plan.frontends[0].targets)
            out.push_back(target.accepts != model::Accepts::all
                              ? 0
                              : (target.fraction * 100 + model::kWhole / 2) / model::kWhole);
        return out;
    }

    model::Config config = sample_config();
    model::HealthMap health;
    Loads flows;
    Restraint restraint;
    SteadyTime now{1000s};
};

TEST_F(Restrained, NobodyRampsAtTheBeginning) {
    EXPECT_THAT(percents(plan()), ElementsAre(100, 100, 100));
    set(3, false);
    pass(2s);
    set(3, true);  // the first probes do not all pass at once
    EXPECT_THAT(percents(pass(2s)), ElementsAre(100, 100, 100));
}

TEST_F(Restrained, ATargetThatComesUpLaterRamps) {
    set(2, false);
    plan();
    pass(60s);
    set(2, true);
    EXPECT_THAT(percents(plan()), ElementsAre(100, 10, 100));
    EXPECT_EQ(plan().frontends[0].targets[1].limited, "slow start: counts with 10 % of its weight");
    EXPECT_THAT(percents(pass(2s)), ElementsAre(100, 20, 100));
    EXPECT_THAT(percents(pass(15s)), ElementsAre(100, 90, 100));
    EXPECT_THAT(percents(pass(1s)), ElementsAre(100, 100, 100));
    EXPECT_THAT(restraint.allowances(), IsEmpty());
}

TEST_F(Restrained, OneThatGoesDownAgainBeginsAnew) {
    plan();
    pass(60s);
    set(2, false), plan();
    set(2, true);
    EXPECT_THAT(percents(plan()), ElementsAre(100, 10, 100));
    pass(10s);
    set(2, false);
    EXPECT_THAT(percents(pass(1s)), ElementsAre(100, 0, 100));
    set(2, true);
    EXPECT_THAT(percents(plan()), ElementsAre(100, 10, 100));
}

TEST_F(Restrained, SoDoesOneThatIsNewOrThatTheOperatorLetsInAgain) {
    auto& backends = config.pools["web"].backends;
    backends[1].state = model::AdminState::draining;
    plan();
    pass(60s);
    backends[1].state = model::AdminState::enabled;
    backends.push_back({ip("10.0.0.4")});
    set(4, true);
    EXPECT_THAT(percents(plan()), ElementsAre(100, 10, 100, 10));
}

TEST_F(Restrained, AReloadThatLeavesThemUpLeavesThem) {
    plan();
    pass(60s);
    config.unmatched = model::Unmatched::pass;
    service().need = 2;
    config.services["other"] = service();
    config.services["other"].vips = {net::only(ip("192.0.2.2"))};
    EXPECT_THAT(percents(plan()), ElementsAre(100, 100, 100));
    service().slow_start = 0s;
    EXPECT_THAT(percents(pass(2s)), ElementsAre(100, 100, 100));
}

TEST_F(Restrained, ARampGoesOnAfterARestart) {
    set(2, false);
    plan();
    pass(60s);
    set(2, true);
    plan();
    pass(4s);
    restart(2s);
    EXPECT_THAT(percents(plan()), ElementsAre(100, 40, 100));
    EXPECT_THAT(percents(pass(2s)), ElementsAre(100, 50, 100));
    restart(2s);
    EXPECT_THAT(percents(pass(7s)), ElementsAre(100, 90, 100));
    EXPECT_THAT(percents(pass(1s)), ElementsAre(100, 100, 100));
    EXPECT_THAT(restraint.holds(now), IsEmpty());
}

TEST_F(Restrained, OneThatComesUpSoonAfterARestartRamps) {
    set(2, false);
    plan();
    pass(60s);
    restart();
    plan();
    set(2, true);
    EXPECT_THAT(percents(plan()), ElementsAre(100, 10, 100)) << "the others have been up all the time";
    set(3, false), plan();
    restart();
    set(3, true), set(2, false);
    EXPECT_THAT(percents(plan()), ElementsAre(100, 0, 10));
    set(2, true);
    EXPECT_THAT(percents(plan()), ElementsAre(100, 10, 10)) << "it went down: its ramp is no more";
}

/// The share of new flows that moves while one of `count` backends ramps, against what has to: what it gains.
struct Disruption {
    double worst_step = 0, total = 0, least = 0;
};
Disruption disruption(unsigned count, unsigned weight_of_others) {
    model::Frontend frontend;
    for (unsigned i = 0; i < count; ++i) {
        model::Backend backend{net::Ip::v4({10, 0, uint8_t(i >> 8), uint8_t(i)}), i ? weight_of_others : 1};
        frontend.targets.push_back({backend, {true, ""}, model::Accepts::all});
    }
    auto share = [&](const std::vector<net::Ip>& table) {
        return shares(table)[frontend.targets[0].backend.address];
    };
    Disruption out;
    frontend.targets[0].accepts = model::Accepts::nothing;
    auto before = Tables().of(frontend);
    frontend.targets[0].accepts = model::Accepts::all;
    for (unsigned step = 0; step < kRampSteps; ++step) {
        frontend.targets[0].fraction = ramp_fraction(step * 1s, std::chrono::seconds(kRampSteps - 1));
        auto after = Tables().of(frontend);
        auto moves = moved(before, after);
        out.worst_step = std::max(out.worst_step, moves);
        out.total += moves;
        before = after;
    }
    out.least = share(before);
    return out;
}

/// doc/schedulers.md has these numbers.
TEST(Ramp, MovesLittleMoreThanWhatTheNewBackendGains) {
    for (auto [count, weight, step, more] : {std::tuple(2u, 1u, 0.10, 0.010),
                                             {10u, 1u, 0.02, 0.02},
                                             {100u, 1u, 0.01, 0.04},
                                             {400u, 1u, 0.01, 0.05},
                                             {10u, 10u, 0.02, 0.02}}) {
        auto seen = disruption(count, weight);
        std::printf("%u backends, the others weigh %u: worst step %.3f %%, total %.3f %%, least %.3f %%\n",
                    count, weight, 100 * seen.worst_step, 100 * seen.total, 100 * seen.least);
        EXPECT_GE(seen.total, seen.least);
        EXPECT_LE(seen.total, seen.least + more) << count;
        EXPECT_LE(seen.worst_step, step) << count;
    }
}

TEST(Caps, AreLeftBelowNineTenths) {
    EXPECT_FALSE(is_full(false, 99, 100));
    EXPECT_TRUE(is_full(false, 100, 100));
    EXPECT_TRUE(is_full(true, 90, 100));
    EXPECT_FALSE(is_full(true, 89.9, 100));
    EXPECT_FALSE(is_full(true, 1e9, 0));
    EXPECT_TRUE(is_full(true, 1, 1));
    EXPECT_FALSE(is_full(true, 0, 1));
}

TEST_F(Restrained, AFullBackendTakesNoNewFlows) {
    config.pools["web"].backends[0].max_connections = 100;
    flows[sample_target(1)] = 99;
    EXPECT_THAT(percents(pass(1s)), ElementsAre(100, 100, 100));
    flows[sample_target(1)] = 100;
    auto full = pass(1s);
    EXPECT_EQ(full.frontends[0].targets[0].accepts, model::Accepts::established);
    EXPECT_EQ(full.frontends[0].targets[0].limited, "full: max_connections is 100");
    flows[sample_target(1)] = 95;
    EXPECT_THAT(percents(pass(1s)), ElementsAre(0, 100, 100));
    flows[sample_target(1)] = 89;
    EXPECT_THAT(percents(pass(1s)), ElementsAre(100, 100, 100)) << "it is no slow start: it was not down";
}

TEST_F(Restrained, ACapIsOfAllServicesThatHaveThePool) {
    config.pools["web"].backends[0].max_connections = 100;
    service().vips.push_back(net::only(ip("192.0.2.2")));
    model::FrontendKey other = kSampleV4;
    other.vip = ip("192.0.2.2");
    for (int i : {1, 2, 3}) health[{other, sample_target(i).backend}] = {true, ""};
    flows[sample_target(1)] = 60;
    flows[{other, sample_target(1).backend}] = 40;
    auto plan = pass(1s);
    for (const auto& frontend : plan.frontends)
        EXPECT_EQ(frontend.targets[0].accepts, model::Accepts::established) << frontend.key.text();
    // The same address in another pool is another matter.
    config.pools["mine"] = config.pools["web"];
    config.services["second"] = service();
    config.services["second"].pool = "mine";
    config.services["second"].vips = {net::only(ip("192.0.2.3"))};
    model::FrontendKey third = kSampleV4;
    third.vip = ip("192.0.2.3");
    health[{third, sample_target(1).backend}] = {true, ""};
    EXPECT_EQ(pass(1s).frontends.back().targets[0].accepts, model::Accepts::all);
}

TEST_F(Restrained, LoadsAreMadeEvenWhereTheServiceWantsIt) {
    for (int i : {1, 3}) flows[sample_target(i)] = 1000;
    flows[sample_target(2)] = 8000;  // of weight 2: four times as loaded as it should be
    EXPECT_THAT(percents(pass(60s)), ElementsAre(100, 100, 100)) << "maglev";
    service().scheduler.kind = model::SchedulerKind::wlc;
    auto corrected = pass(60s);
    EXPECT_EQ(percents(corrected)[0], 100u);
    EXPECT_LE(percents(corrected)[1], 50u);
    EXPECT_THAT(corrected.frontends[0].targets[1].limited, HasSubstr("loaded above the others"));
    flows.clear();
    restart();
    EXPECT_EQ(percents(plan()), percents(corrected)) << "though nothing has been counted yet";
    EXPECT_EQ(percents(pass(6s)), percents(corrected));
    service().scheduler.kind = model::SchedulerKind::maglev;
    EXPECT_THAT(percents(pass(6s)), ElementsAre(100, 100, 100));
}

TEST_F(Restrained, NothingTicksWhereNobodyWantsIt) {
    EXPECT_TRUE(Restraint::ticks(config));
    EXPECT_FALSE(Restraint::wants_loads(config));
    service().slow_start = 0s;
    EXPECT_FALSE(Restraint::ticks(config));
    config.pools["web"].backends[2].max_connections = 1;
    EXPECT_TRUE(Restraint::ticks(config));
    EXPECT_TRUE(Restraint::wants_loads(config));
    config.pools["web"].backends[2].max_connections = 0;
    service().scheduler.kind = model::SchedulerKind::wlc;
    EXPECT_TRUE(Restraint::wants_loads(config));
}

}  // namespace
}  // namespace weir::control
