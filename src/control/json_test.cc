#include "control/json.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "control/sample.h"

namespace weir::control {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

TEST(Json, GivesABackendExactlyThePromisedFields) {
    auto plan = model::plan(sample_config(), {{sample_target(2), {true, "L7OK/200"}}});
    engine::Traffic traffic{1, 2, 3, 4};
    health::Checked checked;
    checked.last_outcome = {true, "L7OK/200", 1500us, SystemTime(1'700'000'000'123ms)};
    auto rows = backend_rows(plan, {{sample_target(2), traffic}}, {{sample_target(2), checked}});
    auto expected = json::parse(R"({"service": "web", "vip": "192.0.2.1", "port": 80, "protocol": "tcp",
        "address": "10.0.0.2", "backend_port": 80, "weight": 2, "state": "enabled", "health": "up",
        "reason": "L7OK/200", "accepts": "all", "flows_active": 1, "flows_total": 2, "packets_total": 3,
        "bytes_total": 4, "last_check": {"ok": true, "message": "L7OK/200", "latency_seconds": 0.0015,
        "at": "2023-11-14T22:13:20.123Z"}})");
    EXPECT_EQ(backends_json(rows)[1], expected);
    EXPECT_TRUE(backends_json(rows)[0].at("last_check").is_null());
}

TEST(Json, GivesAPlanWithEachTargetsShare) {
    auto config = sample_config();
    config.pools["web"].backends[2].state = model::AdminState::disabled;
    auto object = plan_json(model::plan(config, {}), 7);
    EXPECT_EQ(object.at("number"), 7);
    const auto& frontend = object.at("frontends").at(0);
    EXPECT_EQ(frontend.at("scheduler"), "maglev");
    double sum = 0;
    for (const auto& target : frontend.at("targets").as_array()) sum += target.at("share").as_double();
    EXPECT_DOUBLE_EQ(sum, 1);
    EXPECT_NEAR(frontend.at("targets").at(1).at("share").as_double(), 2.0 / 3, 0.01);
    EXPECT_EQ(frontend.at("targets").at(2).at("share").as_double(), 0);
    EXPECT_EQ(frontend.at("targets").at(2).at("accepts"), "nothing");
}

TEST(Json, TellsADifference) {
    auto before = model::plan(sample_config(), {});
    auto after = model::plan(sample_config(), {{sample_target(1), {false, "L4CON"}}});
    auto same = difference_json(difference(before, before));
    EXPECT_EQ(same.at("changes"), false);
    auto object = difference_json(difference(before, after));
    EXPECT_EQ(object.at("changes"), true);
    const auto& change = object.at("frontends_changed").at(0);
    EXPECT_EQ(change.at("targets").at(0).at("before").at("health"), "up");
    EXPECT_EQ(change.at("targets").at(0).at("after").at("reason"), "L4CON");
    EXPECT_GT(change.at("share_moved").as_double(), 0.2);
}

TEST(Json, TellsATrace) {
    engine::Flow flow{net::Endpoint::parse("198.51.100.7:1234").value(), kSampleV6};
    EXPECT_EQ(
        trace_json(flow, {"drop", {}, "no_backend"}),
        json::parse(R"({"source": "198.51.100.7:1234", "vip": "2001:db8::1", "port": 80, "protocol": "tcp",
                              "action": "drop", "backend": null, "reason": "no_backend"})"));
}

TEST(Json, GivesAStatusThatNamesItsProblems) {
    StatusReport report;
    report.applying.error = "no such interface";
    auto status = status_json(report);
    ASSERT_EQ(status.at("problems").as_array().size(), 1u);
    EXPECT_EQ(status.at("plan").at("error"), "no such interface");
    EXPECT_TRUE(status.at("plan").at("applied_at").is_null());
    EXPECT_EQ(status.at("reload").at("ok"), true);
}

}  // namespace
}  // namespace weir::control
