#include "admin/api.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>

#include "admin/captures.h"
#include "admin/gate.h"
#include "control/controller.h"
#include "control/sample.h"
#include "engine/fake.h"
#include "engine/fake_capturing.h"

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
    net::Opened open(const model::TargetKey&, net::Carrier, net::Port) override { return fail("no way"); }
};

class ApiTest : public testing::Test {
  protected:
    ApiTest() {
        control::Controller::Options options;
        options.config_path = "weir.yaml";
        options.load = [this] { return next_load; };
        options.parse = [this](std::string_view yaml) {
            return impossible ? config::Loaded(std::unexpected(std::vector{*impossible}))
                              : config::parse(yaml);
        };
        controller.emplace(io.get_executor(), clock, engine, path, control::sample_config(),
                           std::move(options));
    }

    Response send(const std::string& method, const std::string& target, const std::string& body = "") {
        auto request = parse_target(target).value();
        request.method = method;
        request.from = "ada";
        request.body = body;
        request.role = role;
        return api({*controller, captures, tally})(request)();
    }
    json::value get(const std::string& target) {
        auto response = send("GET", target);
        EXPECT_EQ(response.status, 200u) << response.body;
        return json::parse(response.body);
    }

    boost::asio::io_context io;
    SystemClock clock{io.get_executor()};
    engine::Fake engine;
    NoWay path;
    std::optional<config::Mistake> impossible;
    config::Loaded next_load = control::sample_config();
    std::optional<control::Controller> controller;
    engine::FakeCapturing capturing;
    Captures captures{capturing};
    Tally tally;
    Role role = Role::operates;
};

TEST_F(ApiTest, ShowsStatusServicesAndBackends) {
    controller->start();
    EXPECT_EQ(get("/api/v1/status").at("engine"), "xdp");
    EXPECT_EQ(get("/api/v1/services").at(0).at("frontends").at(0).at("up"), 3);
    EXPECT_EQ(get("/api/v1/backends").as_array().size(), 6u);
}

TEST_F(ApiTest, ShowsWhoHasTheFlows) {
    engine.observation.targets[control::sample_target(1)] = {.flows_active = 4, .flows = {.established = 4}};
    engine.observation.targets[control::sample_target(2)] = {.flows_active = 9, .flows = {.datagram = 9}};
    engine.observation.flow_table = {.capacity = 64, .used = 13, .flows = {.established = 4, .datagram = 9}};
    controller->start();
    auto flows = get("/api/v1/flows?limit=1");
    EXPECT_EQ(flows.at("flow_table").at("datagram"), 9);
    EXPECT_EQ(flows.at("matching"), 2);
    EXPECT_EQ(flows.at("backends").as_array().size(), 1u);
    EXPECT_EQ(flows.at("backends").at(0).at("address"), "10.0.0.2");
    EXPECT_EQ(get("/api/v1/flows?service=web&backend=10.0.0.1").at("backends").at(0).at("established"), 4);
}

TEST_F(ApiTest, SaysWhenNobodyOfThatNameCanHaveFlows) {
    for (const auto& [query, why] : std::map<std::string, std::string>{
             {"service=wbe", "there is no service 'wbe'; did you mean web?"},
             {"backend=10.0.0.9", "no service has the backend 10.0.0.9"},
             {"service=web&backend=10.0.0.9", "service web does not have the backend 10.0.0.9"}}) {
        auto refused = send("GET", "/api/v1/flows?" + query);
        EXPECT_EQ(refused.status, 404u) << query;
        EXPECT_TRUE(refused.body.starts_with("{\"error\":\"" + why)) << refused.body;
    }
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

TEST_F(ApiTest, RefusesToCompareWhatCouldNotBeApplied) {
    controller->start();
    impossible = config::Mistake{0, 0, "no room for it"};
    auto response = send("POST", "/api/v1/plan", kYaml);
    EXPECT_EQ(response.status, 400u);
    EXPECT_EQ(json::parse(response.body).at("mistakes").at(0).at("message"), "no room for it");
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

TEST_F(ApiTest, OverridesABackendAtOnceAndLiftsItAgain) {
    controller->start();
    auto answer = send("POST", "/api/v1/overrides",
                       R"({"backend": "10.0.0.1", "state": "draining", "deadline_seconds": 60})");
    ASSERT_EQ(answer.status, 200u) << answer.body;
    auto set = json::parse(answer.body);
    EXPECT_EQ(set.at("plan"), 2);
    EXPECT_EQ(set.at("override").at("by"), "ada");
    EXPECT_TRUE(set.at("override").at("drained").is_null()) << "nothing has been counted yet";
    ++engine.observation.flow_table.counts_total;
    EXPECT_EQ(get("/api/v1/overrides").at(0).at("drained"), false);
    EXPECT_EQ(engine.applied.back().frontends[0].targets[0].accepts, model::Accepts::established);
    EXPECT_EQ(get("/api/v1/backends").at(0).at("override").at("configured").at("state"), "enabled");
    EXPECT_EQ(get("/api/v1/overrides").as_array().size(), 1u);

    auto lifted = send("DELETE", "/api/v1/overrides?backend=10.0.0.1");
    ASSERT_EQ(lifted.status, 200u) << lifted.body;
    EXPECT_TRUE(json::parse(lifted.body).at("override").is_null());
    EXPECT_EQ(engine.applied.back(), engine.applied.front());
    EXPECT_EQ(get("/api/v1/overrides"), json::array{});
}

TEST_F(ApiTest, OverridesABackendInOneServiceOnly) {
    controller->start();
    auto post = [&](const char* body) { return send("POST", "/api/v1/overrides", body).status; };
    EXPECT_EQ(post(R"({"backend": "10.0.0.1", "service": "web", "weight": 7})"), 200u);
    EXPECT_EQ(engine.applied.back().frontends[0].targets[0].backend.weight, 7u);
    auto wrong = send("DELETE", "/api/v1/overrides?backend=10.0.0.1");
    EXPECT_EQ(wrong.status, 404u);
    EXPECT_NE(wrong.body.find("it has one in service web"), std::string::npos) << wrong.body;
    EXPECT_EQ(send("DELETE", "/api/v1/overrides?backend=10.0.0.1&service=web").status, 200u);
}

TEST_F(ApiTest, RefusesAnOverrideThatIsNone) {
    controller->start();
    for (auto body :
         {"", "[]", "{}", R"({"backend": "10.0.0.1"})", R"({"backend": "10.0.0", "weight": 1})",
          R"({"state": "draining"})", R"({"backend": "10.0.0.1", "state": "drained"})",
          R"({"backend": "10.0.0.1", "weight": 1001})", R"({"backend": "10.0.0.1", "weight": -1})",
          R"({"backend": "10.0.0.1", "weight": 1.5})", R"({"backend": "10.0.0.1", "wieght": 1})",
          R"({"backend": "10.0.0.1", "state": "disabled", "deadline_seconds": 1})",
          R"({"backend": "10.0.0.1", "state": "draining", "deadline_seconds": 0})"})
        EXPECT_EQ(send("POST", "/api/v1/overrides", body).status, 400u) << body;
    auto unknown = send("POST", "/api/v1/overrides", R"({"backend": "10.0.0.11", "weight": 1})");
    EXPECT_EQ(unknown.status, 404u);
    EXPECT_NE(unknown.body.find("did you mean 10.0.0.1?"), std::string::npos) << unknown.body;
    EXPECT_EQ(send("DELETE", "/api/v1/overrides").status, 400u);
    EXPECT_EQ(send("DELETE", "/api/v1/overrides?backend=10.0.0.1").status, 404u);
    EXPECT_EQ(engine.applied.size(), 1u);
}

TEST_F(ApiTest, SaysThatAnOverrideIsNotInForceYet) {
    controller->start();
    engine.refuse_next = Error{"no memory"};
    auto answer = send("POST", "/api/v1/overrides", R"({"backend": "10.0.0.1", "weight": 0})");
    EXPECT_EQ(answer.status, 500u);
    EXPECT_NE(answer.body.find("no memory"), std::string::npos);
    EXPECT_EQ(get("/api/v1/overrides").as_array().size(), 1u);
}

TEST_F(ApiTest, ComparesAConfigurationUnderTheOverridesInForce) {
    controller->start();
    ASSERT_EQ(send("POST", "/api/v1/overrides", R"({"backend": "10.0.0.1", "weight": 0})").status, 200u);
    auto answer = json::parse(send("POST", "/api/v1/plan", kYaml).body);
    for (const auto& change : answer.at("frontends_changed").as_array())
        for (const auto& target : change.at("targets").as_array())
            EXPECT_NE(target.at("address"), "10.0.0.1");
    EXPECT_EQ(answer.at("frontends_changed").as_array().size(), 1u);
}

TEST_F(ApiTest, IsHealthyWhileItsPlanIsInForce) {
    engine.refuse_next = Error{"no such interface"};
    controller->start();
    auto sick = send("GET", "/healthz");
    EXPECT_EQ(sick.status, 503u);
    EXPECT_EQ(sick.body, "no such interface\n");
    role = Role::none;
    EXPECT_EQ(send("GET", "/healthz").body, "not in force\n") << "that much is for everybody";
    controller->wake();
    while (controller->applied_number() == 0 && io.run_one_for(std::chrono::seconds(5)) > 0) continue;
    EXPECT_EQ(send("GET", "/healthz").body, "ok\n");
}

TEST_F(ApiTest, TellsWhatHasHappened) {
    controller->start();
    auto events = get("/api/v1/events");
    ASSERT_EQ(events.as_array().size(), 2u);
    EXPECT_EQ(events.at(0).at("kind"), "started");
    auto after = std::to_string(events.at(0).at("id").to_number<uint64_t>());
    EXPECT_EQ(get("/api/v1/events?after=" + after).at(0).at("kind"), "plan_applied");
    EXPECT_TRUE(send("GET", "/api/v1/events/stream").source);
}

TEST_F(ApiTest, KnowsWhatItDoesNotHave) {
    EXPECT_EQ(send("GET", "/nowhere").status, 404u);
    auto response = send("DELETE", "/api/v1/plan");
    EXPECT_EQ(response.status, 405u);
    EXPECT_EQ(response.headers["Allow"], "GET, POST");
}

}  // namespace
}  // namespace weir::admin
