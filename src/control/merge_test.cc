#include "control/merge.h"

#include <gtest/gtest.h>

#include "control/sample.h"

namespace weir::control {
namespace {

const auto kTarget = sample_target(1);

health::Checked checked(bool up, std::string reason) {
    return {{up, std::move(reason)}, {}, {}, true};
}

TEST(Merge, TakesWhatTheChecksSay) {
    auto health = merge({{kTarget, checked(true, "L4OK")}}, {});
    EXPECT_EQ(health, (model::HealthMap{{kTarget, {true, "L4OK"}}}));
}

TEST(Merge, IsDownWhereTheEngineCannotReachThoughTheChecksPass) {
    auto health = merge({{kTarget, checked(true, "L4OK")}}, {{kTarget, "no neighbour answers"}});
    EXPECT_EQ(health, (model::HealthMap{{kTarget, {false, "no neighbour answers"}}}));
}

TEST(Merge, IsDownWhereTheEngineCannotReachAndNothingIsChecked) {
    EXPECT_EQ(merge({}, {{kTarget, "no route"}}), (model::HealthMap{{kTarget, {false, "no route"}}}));
}

TEST(Merge, LeavesTheUnknownToThePlanner) {
    EXPECT_TRUE(merge({}, {}).empty());
}

TEST(WorkOf, HasEveryTargetOfServicesWithChecks) {
    auto config = sample_config();
    EXPECT_TRUE(work_of(config).empty());
    config.services["web"].checks.push_back({model::TcpCheck{}});
    auto work = work_of(config);
    EXPECT_EQ(work.size(), 6u);
    EXPECT_EQ(work.at(kTarget), config.services["web"].checks);
}

TEST(WorkOf, TellsProgramsTheBackendsOwnPort) {
    auto config = sample_config();
    auto& service = config.services["web"];
    service.checks = {{model::ExecCheck{}}, {.kind = model::ExecCheck{}, .port = net::Port(9000)}};
    auto ports = [&] {
        const auto work = work_of(config);
        std::vector<net::Port> found;
        for (const auto& check : work.at(kTarget))
            found.push_back(std::get<model::ExecCheck>(check.kind).backend_port);
        return found;
    };
    EXPECT_EQ(ports(), (std::vector{kTarget.frontend.port, net::Port(9000)}));
    for (auto& backend : config.pools.begin()->second.backends) backend.port = net::Port(8080);
    EXPECT_EQ(ports(), (std::vector{net::Port(8080), net::Port(9000)})) << "another port stays as it is";
}

}  // namespace
}  // namespace weir::control
