#include "control/drains.h"

#include <gmock/gmock.h>

#include "control/sample.h"

namespace weir::control {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

const model::OverrideKey kEverywhere{ip("10.0.0.1")};
const model::OverrideKey kWeb{ip("10.0.0.1"), "web"};

class DrainsTest : public testing::Test {
  protected:
    void drain(const model::OverrideKey& key, std::optional<std::chrono::seconds> deadline = {}) {
        overrides[key] = {.state = model::AdminState::draining, .at = now};
        if (deadline) overrides[key].deadline = now + *deadline;
    }
    /// A whole count of the flow table with so many flows to the first backend, then a look.
    Drains::Ended count(uint64_t flows) {
        seen.targets[sample_target(1)].flows_active = flows;
        ++seen.flow_table.counts_total;
        return look();
    }
    Drains::Ended look() {
        return drains.look(overrides, model::plan(sample_config(), {}, {}, overrides), seen, now);
    }
    bool drained(const model::OverrideKey& key) { return drains.drained(key, overrides.at(key)); }

    model::Overrides overrides;
    engine::Observation seen;
    model::Override::Time now{1000s};
    Drains drains;
};

TEST_F(DrainsTest, AreOverWhenTheFlowsAreGoneAndSayItOnce) {
    drain(kEverywhere);
    EXPECT_EQ(look(), Drains::Ended{});
    EXPECT_EQ(count(2), Drains::Ended{});
    EXPECT_EQ(count(1), Drains::Ended{});
    EXPECT_FALSE(drained(kEverywhere));
    EXPECT_THAT(count(0).drained, ElementsAre(kEverywhere));
    EXPECT_TRUE(drained(kEverywhere));
    EXPECT_THAT(count(0).drained, IsEmpty());
    EXPECT_FALSE(under_way(overrides, drains));
}

TEST_F(DrainsTest, TakeNoCountThatBeganBeforeThem) {
    drain(kEverywhere);
    EXPECT_THAT(look().drained, IsEmpty()) << "nothing counted at all";
    EXPECT_THAT(count(0).drained, IsEmpty()) << "this one was under way when the drain began";
    EXPECT_TRUE(under_way(overrides, drains));
    EXPECT_THAT(count(0).drained, ElementsAre(kEverywhere));
}

TEST_F(DrainsTest, EndAtTheirDeadlineWithWhatIsLeft) {
    drain(kWeb, 60s);
    EXPECT_EQ(count(3), Drains::Ended{});
    now += 59s;
    EXPECT_EQ(count(3), Drains::Ended{});
    now += 1s;
    EXPECT_THAT(count(2).expired, ElementsAre(Pair(kWeb, 2u)));
}

TEST_F(DrainsTest, OfADaemonThatHasJustStartedEndWhenTheFlowsHaveBeenCounted) {
    drain(kWeb, 0s);
    EXPECT_EQ(look(), Drains::Ended{});
    EXPECT_THAT(count(4).expired, ElementsAre(Pair(kWeb, 4u)));
}

TEST_F(DrainsTest, WaitForTheirDeadlineEvenWhenNoFlowIsLeft) {
    drain(kWeb, 60s);
    look();
    count(0);
    EXPECT_THAT(count(0).drained, ElementsAre(kWeb));
    EXPECT_TRUE(under_way(overrides, drains));
    now += 60s;
    EXPECT_THAT(look().expired, ElementsAre(Pair(kWeb, 0u)));
}

TEST_F(DrainsTest, BeginAnewWhenTheBackendIsDrainedAgain) {
    drain(kEverywhere);
    look();
    count(0);
    count(0);
    EXPECT_TRUE(drained(kEverywhere));
    overrides[kEverywhere].state = model::AdminState::enabled;
    now += 1s;
    drain(kEverywhere);
    EXPECT_FALSE(drained(kEverywhere));
    EXPECT_TRUE(under_way(overrides, drains)) << "nobody has looked since";
    EXPECT_THAT(look().drained, IsEmpty());
    count(5);
    EXPECT_THAT(count(0).drained, ElementsAre(kEverywhere));
}

TEST_F(DrainsTest, OfABackendThatIsNotThereNeverEndByThemselves) {
    const model::OverrideKey gone{ip("10.9.9.9")};
    drain(gone, 60s);
    for (int i = 0; i < 5; ++i) EXPECT_EQ(count(0), Drains::Ended{});
    now += 60s;
    EXPECT_THAT(look().expired, ElementsAre(Pair(gone, 0u)));
}

TEST(OverrideUses, CountTheFlowsWhereTheirStateIsInForce) {
    auto config = sample_config();
    auto other = config.services["web"];
    other.vips = {net::only(ip("192.0.2.9"))};
    config.services["other"] = other;
    const model::TargetKey elsewhere{{ip("192.0.2.9"), net::Port(80), model::Protocol::tcp}, ip("10.0.0.1")};
    engine::Observation seen;
    seen.targets[sample_target(1)].flows_active = 1;
    seen.targets[{kSampleV6, ip("10.0.0.1")}].flows_active = 10;
    seen.targets[elsewhere].flows_active = 100;
    model::Overrides overrides{{kEverywhere, {.state = model::AdminState::draining}},
                               {kWeb, {.weight = 3}},
                               {{ip("10.9.9.9")}, {.weight = 3}}};
    auto uses = [&] { return uses_of(overrides, model::plan(config, {}, {}, overrides), seen); };
    EXPECT_EQ(uses().at(kEverywhere), (OverrideUse{true, 111}));
    EXPECT_EQ(uses().at(kWeb), (OverrideUse{true, 11}));
    EXPECT_EQ(uses().at({ip("10.9.9.9")}), (OverrideUse{false, 0}));
    overrides[kWeb].state = model::AdminState::enabled;
    EXPECT_EQ(uses().at(kEverywhere), (OverrideUse{true, 100}));
}

}  // namespace
}  // namespace weir::control
