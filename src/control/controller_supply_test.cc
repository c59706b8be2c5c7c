// The controller and what sources find: it gets into the plan as what stands in the file does.
#include "control/controller_fixture.h"
#include "discovery/fake.h"

namespace weir::control {
namespace {

using discovery::Fake;
using testing::ElementsAre, testing::HasSubstr;

class ControllerSupply : public ControllerTest {
  protected:
    ControllerSupply() {
        source_kinds = {&discovery::fake_kind(), 1};
        config.pools["web"].backends = {{ip("10.0.0.1")}};
        config.pools["web"].sources = {{"fake", {{"name", "one"}}}};
    }
    static void find(std::initializer_list<std::string_view> addresses) {
        discovery::Set set;
        for (auto address : addresses) set.members.push_back({ip(address)});
        Fake::alive().at("one")->find(std::move(set));
    }
    std::vector<std::string> targets() {
        std::vector<std::string> all;
        for (const auto& target : engine.applied.back().frontends.begin()->targets)
            all.push_back(target.backend.address.text());
        return all;
    }
    bool comes_to(std::vector<std::string> wanted) {
        return clock.move_until([&] { return targets() == wanted; });
    }
};

TEST_F(ControllerSupply, PlansWithWhatHasBeenFound) {
    start();
    EXPECT_THAT(targets(), ElementsAre("10.0.0.1"));
    find({"10.0.0.8", "10.0.0.9"});
    EXPECT_TRUE(comes_to({"10.0.0.1", "10.0.0.8", "10.0.0.9"}));
    find({"10.0.0.9"});
    EXPECT_TRUE(comes_to({"10.0.0.1", "10.0.0.9"}));
    EXPECT_EQ(controller->config().pools.at("web").backends.size(), 2u);
}

TEST_F(ControllerSupply, KeepsWhatHasBeenFoundOverReloads) {
    start();
    find({"10.0.0.9"});
    ASSERT_TRUE(comes_to({"10.0.0.1", "10.0.0.9"}));
    auto changed = config;
    changed.pools["web"].backends = {{ip("10.0.0.2")}};
    next_load = changed;
    EXPECT_TRUE(controller->reload().accepted());
    EXPECT_THAT(targets(), ElementsAre("10.0.0.2", "10.0.0.9"));
    changed.pools["web"].sources = {{"fake", {{"name", "other"}}}};
    next_load = changed;
    EXPECT_TRUE(controller->reload().accepted());
    EXPECT_THAT(targets(), ElementsAre("10.0.0.2", "10.0.0.9"));
}

TEST_F(ControllerSupply, DoesNotUseWhatTheEngineCouldNotCarry) {
    possible = [](const model::Config& asked) -> Status {
        if (asked.pools.at("web").backends.size() > 2) return fail("too many");
        return {};
    };
    start();
    find({"10.0.0.8", "10.0.0.9"});
    ASSERT_TRUE(clock.move_until([&] { return !controller->status().not_supplied.empty(); }));
    EXPECT_THAT(targets(), ElementsAre("10.0.0.1"));
    EXPECT_THAT(problems_of(controller->status()).at(0), HasSubstr("too many"));
    auto changed = config;
    changed.pools["web"].backends.push_back({ip("10.0.0.2")});
    next_load = changed;
    EXPECT_FALSE(controller->reload().accepted());
    find({"10.0.0.9"});
    EXPECT_TRUE(comes_to({"10.0.0.1", "10.0.0.9"}));
    EXPECT_EQ(controller->status().not_supplied, "");
}

TEST_F(ControllerSupply, ShowsTheSourceInTheStatus) {
    start();
    find({"10.0.0.1", "10.0.0.9"});
    ASSERT_TRUE(comes_to({"10.0.0.1", "10.0.0.9"}));
    auto report = controller->status();
    ASSERT_EQ(report.sources.size(), 1u);
    EXPECT_EQ(report.sources[0].pool, "web");
    EXPECT_EQ(report.sources[0].members, 2u);
    Fake::alive().at("one")->fail("no answer");
    EXPECT_THAT(problems_of(controller->status()),
                testing::Contains("pool web: the fake source fails: no answer"));
}

}  // namespace
}  // namespace weir::control
