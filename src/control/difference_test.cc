#include "control/difference.h"

#include <gmock/gmock.h>

#include <cmath>
#include <map>

#include "control/sample.h"
#include "control/share.h"

namespace weir::control {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

model::Plan plan_of(const model::Config& config) {
    return model::plan(config, {});
}

TEST(Difference, IsEmptyBetweenEqualPlans) {
    EXPECT_TRUE(difference(plan_of(sample_config()), plan_of(sample_config())).empty());
}

TEST(Difference, DoesNotSeeReasons) {
    auto before = model::plan(sample_config(), {{sample_target(1), {false, "L4CON"}}});
    auto after = model::plan(sample_config(), {{sample_target(1), {false, "L4TOUT"}}});
    EXPECT_NE(before, after);
    EXPECT_TRUE(difference(before, after).empty());
    EXPECT_TRUE(same_programming(before, after));
}

TEST(KeepWhatIsSame, SharesWhatDoesNotDifferButInReasons) {
    auto former = model::plan(sample_config(), {{sample_target(1), {true, "L4OK in 1 ms"}}});
    auto plan = model::plan(sample_config(), {{sample_target(1), {true, "L4OK in 2 ms"}}});
    ASSERT_NE(former.frontends.item(0), plan.frontends.item(0));
    keep_what_is_same(former, plan);
    EXPECT_EQ(former.frontends.item(0), plan.frontends.item(0));
    EXPECT_EQ(former.frontends.item(1), plan.frontends.item(1));
}

TEST(KeepWhatIsSame, LeavesWhatIsNewOrDiffers) {
    auto config = sample_config();
    auto former = plan_of(config);
    config.services["new"] = config.services["web"];
    config.services["new"].vips = {net::only(ip("192.0.2.0"))};
    auto plan = model::plan(config, {{{kSampleV6, ip("10.0.0.1")}, {false, "L4CON"}}});
    auto made = plan;
    keep_what_is_same(former, plan);
    EXPECT_EQ(plan.frontends.item(0), made.frontends.item(0)) << "it is new";
    EXPECT_EQ(plan.frontends.item(1), former.frontends.item(0));
    EXPECT_EQ(plan.frontends.item(2), made.frontends.item(2)) << "a backend went down";
}

TEST(Difference, SeesASilentPlan) {
    auto silent = plan_of(sample_config());
    silent.silent = true;
    EXPECT_FALSE(same_programming(plan_of(sample_config()), silent));
}

TEST(Difference, NamesTheSettingsThatChange) {
    auto config = sample_config();
    config.unmatched = model::Unmatched::pass;
    config.flows.size /= 2;
    auto change = difference(plan_of(sample_config()), plan_of(config));
    EXPECT_THAT(change.settings, ElementsAre("flows", "unmatched"));
    EXPECT_FALSE(same_programming(plan_of(sample_config()), plan_of(config)));
}

TEST(Difference, SeesEveryFieldOfThePlan) {
    const auto plan = plan_of(sample_config());
    // Does not compile for a plan with another field: that belongs below, too.
    [[maybe_unused]] auto [node, interfaces, vlans, flows, icmp, unmatched, watchdog, ipvs_sync,
                           ipvs_timeouts, proxy, secret, silent, stands_by, frontends] = plan;
    std::map<std::string, model::Plan> others;
    auto other_in = [&](const char* name) -> model::Plan& {
        return others.emplace(name, plan).first->second;
    };
    other_in("node").node_address = ip("10.0.0.9");
    other_in("interfaces").interfaces.push_back({"eth9"});
    other_in("vlans").vlans[7] = {};
    other_in("flows").flows.size /= 2;
    other_in("icmp").icmp.rate++;
    other_in("unmatched").unmatched = model::Unmatched::pass;
    other_in("watchdog").watchdog += 1s;
    other_in("ipvs sync").ipvs_sync.emplace();
    other_in("ipvs timeouts").ipvs_timeouts.emplace();
    other_in("proxy").proxy.workers = 7;
    other_in("sync").flow_secret = 1;
    other_in("silent").silent = true;
    other_in("stands by").stands_by = true;
    other_in("frontends").frontends = model::Plan().frontends;
    for (const auto& [name, other] : others) {
        EXPECT_FALSE(same_programming(plan, other)) << name;
        auto found = difference(plan, other);
        if (name == "frontends") {
            EXPECT_EQ(found.removed.size(), plan.frontends.size());
        } else if (name != "silent" && name != "stands by") {  // which are no settings
            EXPECT_THAT(found.settings, ElementsAre(name.substr(0, name.find(" "))));
        }
    }
}

TEST(Difference, SeesAnotherEngineAndWhatIpvsIsTold) {
    auto with = [](const model::Ipvs& ipvs) {
        auto config = sample_config();
        config.services.at("web").engine = model::EngineKind::ipvs;
        config.services.at("web").ipvs = ipvs;
        return plan_of(config);
    };
    const auto xdp = plan_of(sample_config()), wlc = with({}), sh = with({.scheduler = "sh"}),
               persistent = with({.persistence = 5s});
    for (const auto* other : {&xdp, &sh, &persistent}) EXPECT_FALSE(same_programming(wlc, *other));
    EXPECT_TRUE(difference(xdp, wlc).changed.at(0).scheduler_changed);
    EXPECT_TRUE(difference(wlc, sh).changed.at(0).scheduler_changed);
    EXPECT_FALSE(difference(wlc, persistent).changed.at(0).scheduler_changed);
}

TEST(Difference, SeesWhatAProxyIsTold) {
    auto with = [](const model::Proxy& proxy) {
        auto config = sample_config();
        config.services.at("web").engine = model::EngineKind::proxy;
        config.services.at("web").forward.kind = model::ForwardKind::proxy;
        config.services.at("web").proxy = proxy;
        return plan_of(config);
    };
    const auto plain = with({}), patient = with({.queue_timeout = 9s});
    EXPECT_FALSE(same_programming(plain, patient));
    EXPECT_TRUE(same_programming(plain, with({})));
    EXPECT_FALSE(difference(plain, patient).changed.at(0).scheduler_changed);
    EXPECT_TRUE(difference(plan_of(sample_config()), plain).changed.at(0).scheduler_changed) << "the engine";
}

TEST(Difference, NamesFrontendsThatComeAndGo) {
    auto config = sample_config();
    config.services["web"].ports = {{net::Port(443), model::Protocol::tcp}};
    auto change = difference(plan_of(sample_config()), plan_of(config));
    ASSERT_EQ(change.added.size(), 2u);
    ASSERT_EQ(change.removed.size(), 2u);
    EXPECT_EQ(change.added[0].key.port, net::Port(443));
    EXPECT_EQ(change.removed[0].key, kSampleV4);
    EXPECT_THAT(change.changed, IsEmpty());
}

TEST(Difference, SaysWhichTargetsChangeAndWhatMoves) {
    auto config = sample_config();
    config.pools["web"].backends[0].state = model::AdminState::draining;
    auto before = plan_of(sample_config());
    auto after = plan_of(config);
    auto change = difference(before, after);
    ASSERT_EQ(change.changed.size(), 2u);
    ASSERT_EQ(change.changed[0].targets.size(), 1u);
    EXPECT_EQ(change.changed[0].targets[0].address, ip("10.0.0.1"));
    EXPECT_EQ(change.changed[0].targets[0].after->accepts, model::Accepts::established);
    Tables tables;
    auto its_share = shares(tables.of(before.frontends[0])).at(ip("10.0.0.1"));
    EXPECT_GE(change.changed[0].share_moved, its_share);
    EXPECT_LT(change.changed[0].share_moved, 0.6);
}

TEST(Difference, ShowsANewTargetWithoutItsPast) {
    auto config = sample_config();
    config.pools["web"].backends.push_back({ip("10.0.0.4")});
    auto change = difference(plan_of(sample_config()), plan_of(config));
    ASSERT_EQ(change.changed[0].targets.size(), 1u);
    EXPECT_FALSE(change.changed[0].targets[0].before);
    EXPECT_EQ(change.changed[0].targets[0].after->backend.address, ip("10.0.0.4"));
}

TEST(Shares, FollowTheWeights) {
    Tables tables;
    auto share = shares(tables.of(plan_of(sample_config()).frontends[0]));
    EXPECT_NEAR(share.at(ip("10.0.0.1")), 0.25, 0.01);
    EXPECT_NEAR(share.at(ip("10.0.0.2")), 0.50, 0.01);
}

TEST(Moved, CountsEntriesThatNameAnother) {
    auto a = ip("10.0.0.1");
    auto b = ip("10.0.0.2");
    EXPECT_EQ(moved({a, a, b, b}, {a, b, b, b}), 0.25);
    EXPECT_EQ(moved({}, {a}), 0);
    EXPECT_EQ(moved({a}, {}), 1);
    EXPECT_NEAR(moved({a, b}, {a, a, b, b}), 0.5, 1e-9);
}

}  // namespace
}  // namespace weir::control
