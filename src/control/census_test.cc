#include "control/census.h"

#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "control/sample.h"

namespace weir::control {
namespace {

using testing::DoubleEq;

class FlowCensus : public testing::Test {
  protected:
    FlowCensus() {
        auto other = config.services["web"];
        other.ports = {{net::Port(81), model::Protocol::tcp}};
        config.services["other"] = other;
    }
    /// Seen at the IPv4 VIP, port 80 or another one.
    void see(int backend, engine::FlowStates flows, uint16_t port = 80) {
        auto key = sample_target(backend);
        key.frontend.port = net::Port(port);
        traffic[key] = {.flows_active = flows.total(), .flows = flows};
        table.flows += flows;
    }
    Census take(const CensusQuestion& question = {}) {
        auto plan = model::plan(config, health);
        StatusReport report;
        report.flow_table = table;
        report.backends = backend_rows(plan, traffic, {});
        return census(report, question);
    }

    model::Config config = sample_config();
    model::HealthMap health;
    std::map<model::TargetKey, engine::Traffic> traffic;
    engine::FlowTable table;
};

TEST_F(FlowCensus, NamesThoseWithTheMostFlowsFirst) {
    see(1, {.established = 3});
    see(2, {.begun = 1, .established = 4, .closing = 2, .datagram = 5});
    see(3, {.established = 3}, 81);
    auto holders = take().holders;
    ASSERT_EQ(holders.size(), 3u) << "who has none is left out";
    EXPECT_EQ(holders[0].backend, ip("10.0.0.2"));
    EXPECT_EQ(holders[0].flows, (engine::FlowStates{1, 4, 2, 5}));
    EXPECT_EQ(holders[1].service, "other") << "of as many flows by name";
    EXPECT_EQ(holders[2].backend, ip("10.0.0.1"));
}

TEST_F(FlowCensus, AddsUpWhatABackendHasAtTheVipsOfAService) {
    see(1, {.established = 3});
    auto key = sample_target(1);
    key.frontend = kSampleV6;
    traffic[key].flows = {.established = 4};
    auto holders = take().holders;
    ASSERT_EQ(holders.size(), 1u);
    EXPECT_EQ(holders[0].flows.established, 7u);
}

TEST_F(FlowCensus, HoldsAShareAgainstTheWeights) {
    see(1, {.established = 6});
    see(2, {.established = 2});
    auto holders = take().holders;
    EXPECT_THAT(holders[0].share, DoubleEq(0.75));
    EXPECT_THAT(holders[0].by_weight, DoubleEq(0.25));
    EXPECT_THAT(holders[1].share, DoubleEq(0.25));
    EXPECT_THAT(holders[1].by_weight, DoubleEq(0.5)) << "the weights are 1, 2, 1";
}

TEST_F(FlowCensus, TakesTheWeightsOfEachPortForTheFlowsOfThatPort) {
    config.services["web"].ports.push_back({net::Port(443), model::Protocol::tcp});
    auto down = sample_target(2);
    down.frontend.port = net::Port(443);
    health[down] = {false, "L4CON"};
    see(1, {.established = 4});
    see(1, {.established = 12}, 443);
    auto holders = take().holders;
    EXPECT_THAT(holders[0].share, DoubleEq(1));
    EXPECT_THAT(holders[0].by_weight, DoubleEq((4 * 0.25 + 12 * 0.5) / 16));
}

TEST_F(FlowCensus, GivesNoShareByWeightToWhoTakesNoNewFlows) {
    config.pools["web"].backends[0].state = model::AdminState::draining;
    see(1, {.established = 1});
    EXPECT_EQ(take().holders[0].by_weight, 0);
    for (auto& backend : config.pools["web"].backends) backend.state = model::AdminState::draining;
    EXPECT_EQ(take().holders[0].by_weight, 0) << "nor where nobody does";
}

TEST_F(FlowCensus, AnswersForOneServiceOrOneBackend) {
    for (int backend : {1, 2, 3}) see(backend, {.established = 1});
    see(2, {.established = 1}, 81);
    EXPECT_EQ(take({.service = "web"}).matching, 3u);
    EXPECT_EQ(take({.service = "", .backend = ip("10.0.0.2")}).matching, 2u);
    auto one = take({.service = "web", .backend = ip("10.0.0.2")});
    ASSERT_EQ(one.holders.size(), 1u);
    EXPECT_THAT(one.holders[0].share, DoubleEq(1.0 / 3)) << "of the service, whatever was asked";
}

TEST_F(FlowCensus, IsCutOffAtTheLimitAndSaysSo) {
    see(1, {.established = 1});
    see(2, {.established = 2});
    see(3, {.established = 3});
    auto cut = take({.service = "", .backend = {}, .limit = 2});
    EXPECT_EQ(cut.matching, 3u);
    ASSERT_EQ(cut.holders.size(), 2u);
    EXPECT_EQ(cut.holders[1].backend, ip("10.0.0.2"));
}

TEST_F(FlowCensus, CountsTheFlowsOfThoseWhoHaveLeft) {
    see(1, {.established = 5});
    see(3, {.established = 2, .datagram = 1});
    EXPECT_EQ(take().left_behind, 0u);
    config.pools["web"].backends.pop_back();
    EXPECT_EQ(take().left_behind, 3u);
}

TEST_F(FlowCensus, IsTakenOfAnEmptyTable) {
    auto empty = census_json(take());
    EXPECT_EQ(empty.at("matching"), 0);
    EXPECT_TRUE(empty.at("backends").as_array().empty());
    EXPECT_EQ(empty.at("flow_table").at("new"), 0);
}

}  // namespace
}  // namespace weir::control
