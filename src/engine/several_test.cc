#include "engine/several.h"

#include <gtest/gtest.h>

#include "engine/fake.h"

namespace weir::engine {
namespace {

using model::EngineKind;

/// One service of each engine, on a VIP and a port of its own.
class SeveralTest : public testing::Test {
  protected:
    static model::FrontendKey key(EngineKind kind) {
        return {net::Ip::v4({192, 0, 2, kind == EngineKind::xdp ? uint8_t{1} : uint8_t{2}}), net::Port(80)};
    }
    static model::TargetKey target(EngineKind kind) { return {key(kind), net::Ip::v4({10, 0, 0, 1})}; }

    static model::Plan plan(const std::vector<EngineKind>& kinds) {
        model::Plan plan;
        plan.interfaces = {{"eth0"}};
        for (auto kind : kinds) {
            model::Frontend frontend{.key = key(kind), .service = std::string(to_text(kind)), .engine = kind};
            frontend.targets = {{.backend = {net::Ip::v4({10, 0, 0, 1})},
                                 .health = {true, ""},
                                 .accepts = model::Accepts::all}};
            plan.frontends.push_back(frontend);
        }
        return plan;
    }

    Several::Member member(EngineKind kind) {
        return {kind,
                [this, kind](auto on_change) -> Result<std::unique_ptr<Engine>> {
                    if (auto lacks = cannot_start.find(kind); lacks != cannot_start.end())
                        return fail("{}", lacks->second);
                    auto fake = std::make_unique<Fake>();
                    running[kind] = fake.get();
                    changes[kind] = on_change;
                    return fake;
                },
                [this, kind] {
                    cleaned.push_back(kind);
                    return Status();
                }};
    }

    static std::vector<std::string> services(const Fake& engine) {
        std::vector<std::string> names;
        for (const auto& frontend : engine.applied.back().frontends) names.push_back(frontend.service);
        return names;
    }

    std::map<EngineKind, std::string> cannot_start;
    std::map<EngineKind, Fake*> running;
    std::map<EngineKind, std::function<void()>> changes;
    std::vector<EngineKind> cleaned;
    int told = 0;
    Several engines{{member(EngineKind::xdp), member(EngineKind::ipvs)}, [this] { told++; }};
};

using Names = std::vector<std::string>;

TEST_F(SeveralTest, GivesEachEngineItsOwnFrontends) {
    auto both = plan({EngineKind::xdp, EngineKind::ipvs});
    ASSERT_TRUE(engines.apply(both));
    EXPECT_EQ(services(*running.at(EngineKind::xdp)), Names{"xdp"});
    EXPECT_EQ(services(*running.at(EngineKind::ipvs)), Names{"ipvs"});
    EXPECT_EQ(running.at(EngineKind::ipvs)->applied.back().frontends.item(0), both.frontends.item(1))
        << "the very same, so that engines can compare by it";
}

TEST_F(SeveralTest, StartsNoEngineThatNoServiceUsesButRemovesWhatItsFormerDaemonLeft) {
    ASSERT_TRUE(engines.apply(plan({EngineKind::ipvs})));
    ASSERT_TRUE(engines.apply(plan({EngineKind::ipvs})));
    EXPECT_FALSE(running.contains(EngineKind::xdp));
    EXPECT_EQ(cleaned, std::vector{EngineKind::xdp}) << "once";
}

TEST_F(SeveralTest, EmptiesAnEngineThatIsNoLongerUsed) {
    ASSERT_TRUE(engines.apply(plan({EngineKind::xdp, EngineKind::ipvs})));
    ASSERT_TRUE(engines.apply(plan({EngineKind::xdp})));
    EXPECT_EQ(running.at(EngineKind::ipvs)->applied.back(), model::Plan{});
    ASSERT_TRUE(engines.apply(plan({EngineKind::ipvs})));
    EXPECT_EQ(running.at(EngineKind::xdp)->applied.back(), model::Plan{}) << "without interfaces, too";
    EXPECT_TRUE(cleaned.empty());
}

TEST_F(SeveralTest, HasTheOthersPartInForceWhereOneEngineFails) {
    cannot_start[EngineKind::ipvs] = "no ip_vs";
    auto both = plan({EngineKind::xdp, EngineKind::ipvs});
    ASSERT_TRUE(engines.start(both)) << "one of them has started";
    auto done = engines.apply(both);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().message, "no ip_vs");
    EXPECT_TRUE(engines.is_in_force(EngineKind::xdp));
    EXPECT_FALSE(engines.is_in_force(EngineKind::ipvs));
    EXPECT_EQ(services(*running.at(EngineKind::xdp)), Names{"xdp"});

    auto passage = engines.open_passage(target(EngineKind::ipvs), net::Carrier::tcp, net::Port(80));
    ASSERT_FALSE(passage);
    EXPECT_EQ(passage.error().message, "no ip_vs");
    EXPECT_TRUE(passage.error().is_ours);

    cannot_start.clear();
    EXPECT_TRUE(engines.apply(both));
    EXPECT_TRUE(engines.is_in_force(EngineKind::ipvs));
}

TEST_F(SeveralTest, SaysOfEachEngineWhyItFails) {
    auto both = plan({EngineKind::xdp, EngineKind::ipvs});
    ASSERT_TRUE(engines.apply(both));
    running.at(EngineKind::xdp)->refuse_next = Error{"no interface"};
    running.at(EngineKind::ipvs)->refuse_next = Error{"no module"};
    auto done = engines.apply(both);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().message, "no interface; no module");
    EXPECT_FALSE(engines.is_in_force(EngineKind::xdp));
}

TEST_F(SeveralTest, DoesNotStartWhereNoneCan) {
    cannot_start[EngineKind::ipvs] = "no ip_vs";
    auto done = engines.start(plan({EngineKind::ipvs}));
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().message, "no ip_vs");
    EXPECT_TRUE(engines.start(plan({EngineKind::xdp})));
}

TEST_F(SeveralTest, KnowsAllThatIsUnreachableAndTellsOfChanges) {
    ASSERT_TRUE(engines.apply(plan({EngineKind::xdp, EngineKind::ipvs})));
    for (auto kind : {EngineKind::xdp, EngineKind::ipvs}) {
        running.at(kind)->cannot_reach[target(kind)] = to_text(kind);
        changes.at(kind)();
    }
    EXPECT_EQ(told, 2);
    EXPECT_EQ(engines.unreachable(),
              (std::map<model::TargetKey, std::string>{{target(EngineKind::xdp), "xdp"},
                                                       {target(EngineKind::ipvs), "ipvs"}}));
}

TEST_F(SeveralTest, AddsUpWhatTheEnginesSee) {
    ASSERT_TRUE(engines.apply(plan({EngineKind::xdp, EngineKind::ipvs})));
    for (auto kind : {EngineKind::xdp, EngineKind::ipvs}) {
        auto& seen = running.at(kind)->observation;
        seen.targets[target(kind)].flows_total = kind == EngineKind::xdp ? 1 : 2;
        seen.not_forwarded = {{"no_backend", "drop", 3}};
    }
    running.at(EngineKind::xdp)->observation.flow_table.capacity = 1024;
    auto seen = engines.observe();
    EXPECT_EQ(seen.targets.size(), 2u);
    EXPECT_EQ(seen.interfaces.size(), 0u);
    EXPECT_EQ(seen.flow_table.capacity, 1024u);
    ASSERT_EQ(seen.not_forwarded.size(), 1u);
    EXPECT_EQ(seen.not_forwarded[0].packets_total, 6u);
    auto some = engines.observe({target(EngineKind::ipvs)});
    ASSERT_EQ(some.targets.size(), 1u);
    EXPECT_EQ(some.targets.at(target(EngineKind::ipvs)).flows_total, 2u);
}

TEST_F(SeveralTest, HasCountedTheFlowsWhenEachEngineHas) {
    ASSERT_TRUE(engines.apply(plan({EngineKind::ipvs})));
    auto counts = [&](EngineKind kind) -> uint64_t& {
        return running.at(kind)->observation.flow_table.counts_total;
    };
    auto counted = [&] { return engines.observe().flow_table.counts_total; };
    counts(EngineKind::ipvs) = 7;
    EXPECT_EQ(counted(), 7u) << "it is alone";
    ASSERT_TRUE(engines.apply(plan({EngineKind::xdp, EngineKind::ipvs})));
    counts(EngineKind::ipvs) = 99;
    EXPECT_EQ(counted(), 7u);
    counts(EngineKind::xdp) = 2;
    EXPECT_EQ(counted(), 8u);
    EXPECT_EQ(counted(), 8u);
    counts(EngineKind::xdp) = 4;
    EXPECT_EQ(counted(), 8u) << "not that of IPVS";
    counts(EngineKind::ipvs) = 101;
    EXPECT_EQ(counted(), 9u);
}

TEST_F(SeveralTest, AsksTheEngineThatAFlowIsOf) {
    ASSERT_FALSE(engines.trace({{}, key(EngineKind::ipvs)}));
    ASSERT_TRUE(engines.apply(plan({EngineKind::xdp, EngineKind::ipvs})));
    auto verdict = engines.trace({{}, key(EngineKind::ipvs)});
    ASSERT_TRUE(verdict);
    EXPECT_EQ(verdict->action, "forward");
    verdict = engines.trace({{}, {net::Ip::v4({192, 0, 2, 9}), net::Port(80)}});
    ASSERT_TRUE(verdict);
    EXPECT_EQ(verdict->reason, "no_service");
}

TEST(Needs, AreThoseOfServicesAndOfTheKernelsOwnSettings) {
    model::Plan plan;
    EXPECT_FALSE(needs(plan, EngineKind::xdp));
    EXPECT_FALSE(needs(plan, EngineKind::ipvs));
    plan.interfaces = {{"eth0"}};
    EXPECT_TRUE(needs(plan, EngineKind::xdp));
    plan.frontends.push_back({.engine = EngineKind::ipvs});
    EXPECT_FALSE(needs(plan, EngineKind::xdp));
    EXPECT_TRUE(needs(plan, EngineKind::ipvs));
    plan.frontends.clear();
    plan.ipvs_sync = model::IpvsSync{};
    EXPECT_TRUE(needs(plan, EngineKind::ipvs));
}

}  // namespace
}  // namespace weir::engine
