#include "model/override.h"

#include <gtest/gtest.h>

#include "model/plan.h"

namespace weir::model {
namespace {

using namespace std::chrono_literals;

net::Ip ip(std::string_view text) {
    return net::Ip::parse(text).value();
}

const net::Ip kFirst = ip("10.0.0.1");
const net::Ip kSecond = ip("10.0.0.2");

/// Two services over one pool.
Config config() {
    Config config;
    config.pools["web"].backends = {{kFirst}, {kSecond, 2}};
    Service service;
    service.pool = "web";
    service.vips = {net::only(ip("192.0.2.1"))};
    service.ports = {{net::Port(80), Protocol::tcp}};
    config.services["a"] = service;
    service.ports = {{net::Port(81), Protocol::tcp}};
    config.services["b"] = service;
    return config;
}

const Target& target(const Plan& plan, size_t frontend, size_t backend) {
    return plan.frontends.at(frontend).targets.at(backend);
}

TEST(Override, ChangesABackendInEveryServiceOrInOneOnly) {
    auto everywhere = plan(config(), {}, {}, {{{kFirst}, {.state = AdminState::draining}}});
    EXPECT_EQ(target(everywhere, 0, 0).accepts, Accepts::established);
    EXPECT_EQ(target(everywhere, 1, 0).accepts, Accepts::established);
    EXPECT_EQ(target(everywhere, 0, 1).accepts, Accepts::all);
    auto one = plan(config(), {}, {}, {{{kFirst, "b"}, {.state = AdminState::disabled}}});
    EXPECT_EQ(target(one, 0, 0).accepts, Accepts::all);
    EXPECT_EQ(target(one, 1, 0).accepts, Accepts::nothing);
    EXPECT_EQ(target(one, 1, 0).backend.state, AdminState::disabled);
}

TEST(Override, OfAServiceWinsOverOneForEverywhereFieldByField) {
    Overrides overrides{{{kFirst}, {.state = AdminState::disabled, .weight = 5}},
                        {{kFirst, "a"}, {.state = AdminState::enabled}}};
    auto made = plan(config(), {}, {}, overrides);
    EXPECT_EQ(target(made, 0, 0).backend.state, AdminState::enabled);
    EXPECT_EQ(target(made, 0, 0).backend.weight, 5u);
    EXPECT_EQ(target(made, 1, 0).backend.state, AdminState::disabled);
}

TEST(Override, LeavesWhatItDoesNotNameToTheConfiguration) {
    auto configured = config();
    configured.pools["web"].backends[1].state = AdminState::draining;
    auto made = plan(configured, {}, {}, {{{kSecond}, {.weight = 7}}});
    EXPECT_EQ(target(made, 0, 1).backend.state, AdminState::draining);
    EXPECT_EQ(target(made, 0, 1).backend.weight, 7u);
}

TEST(Override, CanEnableWhatTheConfigurationDisables) {
    auto configured = config();
    configured.pools["web"].backends[0].state = AdminState::disabled;
    auto made = plan(configured, {}, {}, {{{kFirst, "a"}, {.state = AdminState::enabled}}});
    EXPECT_EQ(target(made, 0, 0).accepts, Accepts::all);
    EXPECT_EQ(target(made, 1, 0).accepts, Accepts::nothing);
}

TEST(Override, OfABackendThatIsNotThereChangesNothing) {
    auto without = plan(config(), {});
    EXPECT_EQ(plan(config(), {}, {}, {{{ip("10.9.9.9")}, {.weight = 1}}, {{kFirst, "c"}, {.weight = 9}}}),
              without);
}

TEST(Override, TellsTheDeadlineOfTheStateInForceAndWhoSetTheOwnOne) {
    const Override::Time deadline(1000s);
    Overrides overrides{{{kFirst}, {.state = AdminState::draining, .by = "root", .deadline = deadline}},
                        {{kFirst, "a"}, {.weight = 3, .by = "eve"}}};
    const std::string a = "a", b = "b";
    auto in_a = ServiceOverrides(overrides, a).of(kFirst);
    ASSERT_TRUE(in_a);
    EXPECT_EQ(in_a->deadline, deadline);
    EXPECT_EQ(in_a->by, "eve");
    EXPECT_EQ(ServiceOverrides(overrides, b).of(kFirst)->by, "root");
    EXPECT_FALSE(ServiceOverrides(overrides, a).of(kSecond));
    overrides[{kFirst, "a"}].state = AdminState::enabled;
    EXPECT_FALSE(ServiceOverrides(overrides, a).of(kFirst)->deadline) << "its state is not draining";
}

}  // namespace
}  // namespace weir::model
