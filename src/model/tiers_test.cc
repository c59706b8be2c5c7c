#include "model/tiers.h"

#include <gmock/gmock.h>

#include "model/plan.h"

namespace weir::model {
namespace {

using testing::ElementsAre;

net::Ip ip(std::string_view text) {
    return net::Ip::parse(text).value();
}

/// Per cent, rounded.
std::vector<unsigned> percents(std::vector<TierWeight> tiers, unsigned overflow = 140) {
    std::vector<unsigned> out;
    for (auto part : parts_of(tiers, overflow)) out.push_back((part * 100 + kWhole / 2) / kWhole);
    return out;
}

/// The table of doc/pools.md.
TEST(Parts, AreWhatThePoolsBeforeLeave) {
    EXPECT_THAT(percents({{100, 100}, {100, 100}}), ElementsAre(100, 0));
    EXPECT_THAT(percents({{100, 72}, {100, 100}}), ElementsAre(100, 0));
    EXPECT_THAT(percents({{100, 71}, {100, 100}}), ElementsAre(99, 1));
    EXPECT_THAT(percents({{100, 50}, {100, 100}}), ElementsAre(70, 30));
    EXPECT_THAT(percents({{100, 50}, {100, 10}, {100, 100}}), ElementsAre(70, 14, 16));
    EXPECT_THAT(percents({{100, 0}, {100, 100}}), ElementsAre(0, 100));
    EXPECT_THAT(percents({{100, 25}, {100, 25}}), ElementsAre(50, 50));
    EXPECT_THAT(percents({{100, 20}, {100, 40}}), ElementsAre(33, 67));
    EXPECT_THAT(percents({{100, 0}, {100, 0}}), ElementsAre(0, 0));
    EXPECT_THAT(percents({{100, 50}, {100, 100}}, 100), ElementsAre(50, 50));
    EXPECT_THAT(percents({{100, 10}, {100, 100}}, 1000), ElementsAre(100, 0));
}

TEST(Parts, AddUpToTheWholeWhereverSomebodyIsUsable) {
    for (uint64_t a : {0, 1, 3, 33, 71, 100})
        for (uint64_t b : {0, 1, 7, 50, 100})
            for (unsigned overflow : {100u, 140u, 333u}) {
                auto parts = parts_of(std::vector<TierWeight>{{100, a}, {1000000, b}, {7, 0}}, overflow);
                EXPECT_EQ(parts[0] + parts[1] + parts[2], a + b ? kWhole : 0);
                EXPECT_EQ(parts[0] > 0, a > 0);
                EXPECT_EQ(parts[2], 0u);
            }
}

class Tiers : public testing::Test {
  protected:
    Tiers() {
        config.pools["main"].backends = {{ip("10.0.0.1")}, {ip("10.0.0.2")}};
        config.pools["spare"].backends = {{ip("10.0.1.1"), 3}, {ip("10.0.1.2")}};
        config.pools["sorry"].backends = {{ip("10.0.2.1")}};
        service().vips = {net::only(ip("192.0.2.1"))};
        service().ports = {{net::Port(80), Protocol::tcp}};
        service().pool = "main";
        service().checks = {{TcpCheck{}}};
        set("10.0.0.1", true), set("10.0.0.2", true), set("10.0.1.1", true), set("10.0.1.2", true);
        set("10.0.2.1", true);
    }
    Service& service() { return config.services["web"]; }
    void set(std::string_view address, bool up) {
        health[{frontends_of(service()).at(0), ip(address)}] = {up, up ? "L4OK" : "L4CON"};
    }
    void fill(std::string_view address) {
        allowances[{frontends_of(service()).at(0), ip(address)}] = {kWhole, true, "full"};
    }
    Frontend made() const { return plan(config, health, allowances).frontends.at(0); }

    /// What each target takes, and in per cent of its weight.
    static std::vector<std::string> takes(const Frontend& frontend) {
        std::vector<std::string> out;
        for (const auto& target : frontend.targets)
            out.push_back(target.accepts == Accepts::all
                              ? fmt::format("{}%", (target.fraction * 100 + kWhole / 2) / kWhole)
                              : std::string(to_text(target.accepts)));
        return out;
    }

    Config config;
    HealthMap health;
    Allowances allowances;
};

TEST_F(Tiers, KeepABackupPoolForTheFlowsThatItAlreadyHas) {
    service().backup = {"spare"};
    auto frontend = made();
    EXPECT_THAT(takes(frontend), ElementsAre("100%", "100%", "established", "established"));
    EXPECT_EQ(frontend.serving, Serving::pool);
    EXPECT_EQ(frontend.targets[2].limited, "stands by: the pools before it suffice");
    EXPECT_EQ(frontend.targets[2].tier, 1);
}

TEST_F(Tiers, LetABackupPoolHaveWhatOverflows) {
    service().backup = {"spare"};
    set("10.0.0.2", false);
    auto frontend = made();
    EXPECT_EQ(frontend.serving, Serving::backup);
    EXPECT_NEAR(frontend.overflowing, 0.3 * kWhole, 1);
    // 70 % on a weight of 1, 30 % on one of 4.
    EXPECT_THAT(takes(frontend), ElementsAre("100%", "nothing", "11%", "11%"));
    set("10.0.0.1", false);
    EXPECT_THAT(takes(made()), ElementsAre("nothing", "nothing", "100%", "100%"));
}

TEST_F(Tiers, LetFlowsOverTheCapsOverflow) {
    service().backup = {"spare"};
    fill("10.0.0.1"), fill("10.0.0.2");
    auto frontend = made();
    EXPECT_THAT(takes(frontend), ElementsAre("established", "established", "100%", "100%"));
    EXPECT_EQ(frontend.targets[0].limited, "full");
}

TEST_F(Tiers, CountWhatATargetIsAllowedInItsTiersPart) {
    service().backup = {"spare"};
    set("10.0.0.2", false);
    allowances[{frontends_of(service()).at(0), ip("10.0.0.1")}] = {kWhole / 10, false, "starts"};
    auto frontend = made();
    double main = frontend.targets[0].fraction;
    double spare = 3.0 * frontend.targets[2].fraction + frontend.targets[3].fraction;
    EXPECT_NEAR(main / (main + spare), 0.7, 0.001);
}

TEST_F(Tiers, CountAllWeightOfThePoolWhateverTheOperatorsStateIs) {
    service().backup = {"spare"};
    config.pools["main"].backends[1].state = AdminState::disabled;
    EXPECT_THAT(takes(made()), ElementsAre("100%", "nothing", "11%", "11%"));
    config.pools["main"].backends[1].weight = 0;
    EXPECT_THAT(takes(made()), ElementsAre("100%", "nothing", "established", "established"));
}

TEST_F(Tiers, FallBackOnlyWhenNobodyElseTakesFlows) {
    service().backup = {"spare"};
    service().fallback = "sorry";
    for (auto address : {"10.0.0.1", "10.0.0.2", "10.0.1.1"}) set(address, false);
    auto frontend = made();
    EXPECT_THAT(takes(frontend), ElementsAre("nothing", "nothing", "nothing", "100%", "established"));
    EXPECT_EQ(frontend.serving, Serving::backup);
    set("10.0.1.2", false);
    frontend = made();
    EXPECT_THAT(takes(frontend), ElementsAre("nothing", "nothing", "nothing", "nothing", "100%"));
    EXPECT_EQ(frontend.serving, Serving::fallback);
    EXPECT_EQ(frontend.targets[4].tier, kFallbackTier);
    EXPECT_FALSE(frontend.healthy);
    EXPECT_TRUE(frontend.answers());
    set("10.0.2.1", false);
    EXPECT_EQ(made().serving, Serving::nothing);
    EXPECT_FALSE(made().answers());
}

TEST_F(Tiers, AnnounceAVipThatIsOnItsFallback) {
    service().announce_arp = true;
    auto announced = [&] { return announced_vips(plan(config, health)).begin()->second; };
    EXPECT_TRUE(announced());
    set("10.0.0.1", false), set("10.0.0.2", false);
    EXPECT_FALSE(announced());
    service().fallback = "sorry";
    EXPECT_TRUE(announced());
}

TEST_F(Tiers, FailOpenWhereTheOperatorWantsIt) {
    service().backup = {"spare"};
    service().fallback = "sorry";
    service().fail_open = true;
    config.pools["main"].backends[1].state = AdminState::draining;
    for (auto address : {"10.0.0.1", "10.0.0.2", "10.0.1.1", "10.0.1.2"}) set(address, false);
    EXPECT_EQ(made().serving, Serving::fallback);
    set("10.0.2.1", false);
    auto frontend = made();
    EXPECT_EQ(frontend.serving, Serving::fail_open);
    EXPECT_FALSE(frontend.healthy);
    EXPECT_TRUE(frontend.answers());
    // As if they were up: half of the pool's weight, and the rest is the backup pool's.
    EXPECT_THAT(takes(frontend), ElementsAre("100%", "nothing", "11%", "11%", "nothing"));
    service().fail_open = false;
    EXPECT_EQ(made().serving, Serving::nothing);
}

TEST_F(Tiers, DoNotFailOpenBecauseAllThatAreUpAreFull) {
    service().fail_open = true;
    set("10.0.0.1", false);
    fill("10.0.0.2");
    EXPECT_EQ(made().serving, Serving::nothing);
    EXPECT_THAT(takes(made()), ElementsAre("nothing", "established"));
}

TEST_F(Tiers, NeedUsableBackendsOfThePoolAndItsBackups) {
    service().backup = {"spare"};
    service().need = 3;
    set("10.0.0.1", false);
    EXPECT_TRUE(made().healthy);
    set("10.0.1.1", false);
    EXPECT_FALSE(made().healthy);
    service().fallback = "sorry";
    EXPECT_FALSE(made().healthy);
}

TEST_F(Tiers, StayHealthyWhenTheyAreFull) {
    service().need = 2;
    fill("10.0.0.1"), fill("10.0.0.2");
    EXPECT_TRUE(made().healthy);
    EXPECT_EQ(made().serving, Serving::nothing);
}

TEST_F(Tiers, HaveAnAddressOfTwoPoolsInTheFirst) {
    config.pools["spare"].backends[0].address = ip("10.0.0.2");
    service().backup = {"spare"};
    auto members = members_of(config, service());
    ASSERT_EQ(members.size(), 3u);
    EXPECT_EQ(members[1].tier, 0);
    EXPECT_EQ(targets_of(config).size(), 3u);
}

TEST_F(Tiers, LeaveAServiceOfOnePoolAsItIs) {
    config.pools["main"].backends = {{ip("10.0.0.1"), 7}, {ip("10.0.0.2"), 0}, {ip("10.0.0.3"), 1}};
    set("10.0.0.3", true);
    auto frontend = made();
    EXPECT_THAT(takes(frontend), ElementsAre("100%", "established", "100%"));
    for (const auto& target : frontend.targets) EXPECT_EQ(target.fraction, kWhole);
}

TEST_F(Tiers, ArePrioritiesWithinAPoolToo) {
    config.pools["main"].backends[0].priority = 20;
    config.pools["main"].backends[1].priority = 10;
    service().backup = {"spare"};
    service().fallback = "sorry";
    std::vector<Tier> tiers;
    for (const auto& member : members_of(config, service())) tiers.push_back(member.tier);
    EXPECT_THAT(tiers, ElementsAre(1, 0, 2, 2, kFallbackTier));
    EXPECT_THAT(takes(made()),
                ElementsAre("established", "100%", "established", "established", "established"));
    set("10.0.0.2", false);
    EXPECT_THAT(takes(made()), ElementsAre("100%", "nothing", "established", "established", "established"));
    EXPECT_EQ(made().serving, Serving::backup);
}

}  // namespace
}  // namespace weir::model
