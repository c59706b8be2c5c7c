#include "admin/api.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>

#include "control/controller.h"
#include "control/sample.h"
#include "engine/fake.h"

namespace weir::admin {
namespace {

namespace json = boost::json;

constexpr const char* kYaml = R"(
interfaces: [{name: eth0}]
pools: {web: {static: [10.0.0.1, 10.0.0.2]}}
services: {web: {vip: 192.0.2.1, ports: [80/tcp], pool: web}}
)";

class NoWay final : public health::Path {
  public:
    Result<net::Passage> open(const model::TargetKey&, net::Carrier, net::Port) override {
        return fail("no way");
    }
};

class ApiTest : public testing::Test {
  protected:
    ApiTest() {
        control::Controller::Options options;
        options.config_path = "weir.yaml";
        options.engine_name = "fake";
        options.load = [this] { return next_load; };
        controller.emplace(io.get_executor(), engine, path, control::sample_config(), std::move(options));
    }

    Response send(const std::string& method, const std::string& target, const std::string& body = "") {
        auto request = parse_target(target).value();
        request.method = method;
        request.body = body;
        return api(*controller)(request)();
    }
    json::value get(const std::string& target) {
        auto response = send("GET", target);
        EXPECT_EQ(response.status, 200u) << response.body;
        return json::parse(response.body);
    }

    boost::asio::io_context io;
    engine::Fake engine;
    NoWay path;
    config::Loaded next_load = control::sample_config();
    std::optional<control::Controller> controller;
};

TEST_F(ApiTest, ShowsStatusServicesAndBackends) {
    controller->start();
    EXPECT_EQ(get("/api/v1/status").at("engine"), "fake");
    EXPECT_EQ(get("/api/v1/services").at(0).at("frontends").at(0).at("up"), 3);
    EXPECT_EQ(get("/api/v1/backends").as_array().size(), 6u);
}

TEST_F(ApiTest, ShowsThePlanInForceAndNoOther) {
    EXPECT_EQ(send("GET", "/api/v1/plan").status, 503u);
    controller->start();
    EXPECT_EQ(get("/api/v1/plan").at("number"), 1);
}

TEST_F(ApiTest, ComparesAConfigurationWithThePlanInForce) {
    controller->start();
    auto response = send("POST", "/api/v1/plan", kYaml);
    ASSERT_EQ(response.status, 200u) << response.body;
    auto answer = json::parse(response.body);
    EXPECT_EQ(answer.at("changes"), true);
    EXPECT_EQ(answer.at("frontends_removed").as_array().size(), 1u);
    EXPECT_EQ(engine.applied.size(), 1u);
}

TEST_F(ApiTest, LocatesTheMistakesOfAConfiguration) {
    controller->start();
    auto response = send("POST", "/api/v1/plan", "services: {web: {vipp: 192.0.2.1}}");
    EXPECT_EQ(response.status, 400u);
    EXPECT_EQ(json::parse(response.body).at("mistakes").at(0).at("line"), 1);
}

TEST_F(ApiTest, Reloads) {
    controller->start();
    next_load->unmatched = model::Unmatched::pass;
    EXPECT_EQ(json::parse(send("POST", "/api/v1/reload").body).at("plan"), 2);
}

TEST_F(ApiTest, TellsWhyAReloadIsRefused) {
    controller->start();
    next_load = std::unexpected(std::vector<config::Mistake>{{3, 5, "unknown key"}});
    auto response = send("POST", "/api/v1/reload");
    EXPECT_EQ(response.status, 400u);
    auto answer = json::parse(response.body);
    EXPECT_EQ(answer.at("config"), "weir.yaml");
    EXPECT_EQ(answer.at("mistakes").at(0).at("column"), 5);
    EXPECT_EQ(engine.applied.size(), 1u);
}

TEST_F(ApiTest, TracesAFlow) {
    controller->start();
    auto verdict = get("/api/v1/trace?src=198.51.100.7:1234&vip=192.0.2.1:80&protocol=tcp");
    EXPECT_EQ(verdict.at("backend"), "10.0.0.1");
    EXPECT_EQ(get("/api/v1/trace?src=198.51.100.7:1234&vip=192.0.2.1:80&protocol=udp").at("reason"),
              "no_service");
}

TEST_F(ApiTest, RefusesAFlowThatIsNone) {
    controller->start();
    for (auto query : {"", "?src=198.51.100.7:1", "?src=x&vip=192.0.2.1:80", "?src=[::1]:1&vip=192.0.2.1:80",
                       "?src=198.51.100.7:1&vip=192.0.2.1:80&protocol=tpc"})
        EXPECT_EQ(send("GET", std::string("/api/v1/trace") + query).status, 400u) << query;
}

TEST_F(ApiTest, IsHealthyWhileItsPlanIsInForce) {
    engine.refuse_next = Error{"no such interface"};
    controller->start();
    auto sick = send("GET", "/healthz");
    EXPECT_EQ(sick.status, 503u);
    EXPECT_EQ(sick.body, "no such interface\n");
    controller->wake();
    while (controller->applied_number() == 0 && io.run_one_for(std::chrono::seconds(5)) > 0) continue;
    EXPECT_EQ(send("GET", "/healthz").body, "ok\n");
}

TEST_F(ApiTest, KnowsWhatItDoesNotHave) {
    EXPECT_EQ(send("GET", "/nowhere").status, 404u);
    auto response = send("DELETE", "/api/v1/plan");
    EXPECT_EQ(response.status, 405u);
    EXPECT_EQ(response.allow, "GET, POST");
}

}  // namespace
}  // namespace weir::admin
