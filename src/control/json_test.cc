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
    checked.changed_at = SystemTime(1'700'000'000'000ms);
    auto rows = backend_rows(plan, {{sample_target(2), traffic}}, {{sample_target(2), checked}});
    auto expected = json::parse(R"({"service": "web", "vip": "192.0.2.1", "port": 80, "protocol": "tcp",
        "address": "10.0.0.2", "backend_port": 80, "weight": 2, "state": "enabled", "health": "up",
        "reason": "L7OK/200", "accepts": "all", "effective_weight": 2.0, "tier": 0, "limited": "", "flows_active": 1, "flows_total": 2, "packets_total": 3,
        "bytes_total": 4, "last_check": {"ok": true, "message": "L7OK/200", "latency_seconds": 0.0015,
        "at": "2023-11-14T22:13:20.123Z"},
        "last_change": "2023-11-14T22:13:20.000Z", "override": null})");
    EXPECT_EQ(backends_json(rows)[1], expected);
    EXPECT_TRUE(backends_json(rows)[0].at("last_check").is_null());
    EXPECT_TRUE(backends_json(rows)[0].at("last_change").is_null());
}

TEST(Json, GivesABackendsOverrideBesideWhatTheConfigurationSays) {
    model::Overrides overrides{{{ip("10.0.0.2")},
                                {.state = model::AdminState::draining,
                                 .by = "ada",
                                 .at = SystemTime(1'700'000'000'000ms),
                                 .deadline = SystemTime(1'700'000'060'000ms)}}};
    auto plan = model::plan(sample_config(), {}, {}, overrides);
    auto rows = backend_rows(plan, {}, {});
    mark_overridden(rows, sample_config(), overrides);
    auto backends = backends_json(rows);
    EXPECT_EQ(backends[1].at("state"), "draining");
    EXPECT_EQ(backends[1].at("override"), json::parse(R"({"state": "draining", "weight": null, "by": "ada",
        "at": "2023-11-14T22:13:20.000Z", "deadline": "2023-11-14T22:14:20.000Z", "flows_cut": null,
        "configured": {"state": "enabled", "weight": 2}})"));
    EXPECT_TRUE(backends[0].at("override").is_null());
}

TEST(Json, ListsOverridesWithWhatTheyDo) {
    model::Override drain{
        .state = model::AdminState::draining, .by = "ada", .at = SystemTime(1'700'000'000'000ms)};
    EXPECT_EQ(overrides_json({{{ip("10.0.0.2"), "web"}, drain, {true, 3}, false},
                              {{ip("10.0.0.9")}, {.weight = 0}, {}}}),
              json::parse(R"([
        {"backend": "10.0.0.2", "service": "web", "state": "draining", "weight": null, "by": "ada",
         "at": "2023-11-14T22:13:20.000Z", "deadline": null, "flows_cut": null, "used": true,
         "flows_active": 3, "drained": false},
        {"backend": "10.0.0.9", "service": null, "state": null, "weight": 0, "by": "",
         "at": "1970-01-01T00:00:00.000Z", "deadline": null, "flows_cut": null, "used": false,
         "flows_active": 0, "drained": null}])"));
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

TEST(Json, GivesAPlanWithWhatTheConfigurationSaysOfForwarding) {
    auto prefix = [](std::string_view text) { return net::Prefix::parse(text).value(); };
    auto config = sample_config();
    config.vlans = {{10, {prefix("10.1.10.0/24"), prefix("2001:db8::/64")}}};
    config.icmp = {false, 7};
    auto& service = config.services.at("web");
    service.vips = {prefix("192.0.2.0/28")};
    service.ports = {{net::Port(8000), model::Protocol::udp, 99}};
    service.forward = {model::ForwardKind::gue, net::Port(6081), 0, {prefix("10.9.0.0/16")}};
    service.sticky = model::Sticky{24, 56};
    service.quic = {{1, 2, 14, std::array<uint8_t, 16>{}}, {0, 2, 4, {}}};
    service.announce_arp = true;
    config.pools["web"].backends[0].server_id = {0x0a, 0x01};
    auto plan = plan_json(model::plan(config, {}), {});
    EXPECT_EQ(plan.at("vlans"), json::parse(R"({"10": ["10.1.10.0/24", "2001:db8::/64"]})"));
    EXPECT_EQ(plan.at("icmp"), json::parse(R"({"echo": false, "rate": 7})"));
    auto frontend = plan.at("frontends").at(0).as_object();
    auto first = frontend.at("targets").at(0).as_object();
    for (auto name : {"service", "scheduler", "table_size", "healthy", "serving", "targets"})
        frontend.erase(name);
    EXPECT_EQ(frontend,
              json::parse(
                  R"({"vip": "192.0.2.0/28", "port": "8000-8099", "protocol": "udp", "engine": "xdp",
        "ipvs": null, "proxy": null, "forward": "gue", "forward_settings": {"port": 6081, "source": ["10.9.0.0/16"]},
        "sticky": {"ipv4": 24, "ipv6": 56}, "announce_arp": true,
        "quic": [{"rotation": 1, "server_id_length": 2, "nonce_length": 14, "encrypted": true},
                 {"rotation": 0, "server_id_length": 2, "nonce_length": 4, "encrypted": false}]})"));
    EXPECT_EQ(first.at("server_id"), "0a01");
    EXPECT_EQ(first.at("backend_port"), "8000-8099");
}

TEST(Json, GivesWhatAProxyIsTold) {
    auto config = sample_config();
    config.proxy = {.workers = 2, .max_connections = 9, .busy_poll = 50ms, .pipe_size = 65536};
    auto& service = config.services.at("web");
    service.engine = model::EngineKind::proxy;
    service.forward.kind = model::ForwardKind::proxy;
    service.proxy = model::Proxy{.connect_timeout = 500ms,
                                 .bandwidth = 10'000'000,
                                 .send_header = model::ProxyHeader::v2,
                                 .udp_timeout = 10s};
    auto plan = plan_json(model::plan(config, {}), {});
    EXPECT_EQ(plan.at("proxy"), json::parse(R"({"workers": 2, "max_connections": 9,
        "busy_poll_seconds": 0.05, "pipe_size": 65536})"));
    const auto& frontend = plan.at("frontends").at(0);
    EXPECT_EQ(frontend.at("engine"), "proxy");
    EXPECT_EQ(frontend.at("forward"), "proxy");
    EXPECT_EQ(frontend.at("proxy"), json::parse(R"({"connect_timeout_seconds": 0.5, "retries": 2,
        "idle_timeout_seconds": 900.0, "lifetime_seconds": 0.0, "max_connections": 0,
        "queue_timeout_seconds": 5.0, "bandwidth_bytes_per_second": 10000000,
        "connection_bandwidth_bytes_per_second": 0, "accept_header": false, "send_header": "v2",
        "transparent": false, "keepalive_seconds": 0.0, "fast_open": false, "udp_timeout_seconds": 10.0,
        "udp_sessions": 65536, "one_packet": false})"));
    EXPECT_TRUE(plan_json(model::plan(sample_config(), {}), {}).at("frontends").at(0).at("proxy").is_null());
}

TEST(Json, GivesABackendsOwnPort) {
    auto config = sample_config();
    config.services.at("web").forward.kind = model::ForwardKind::nat;
    config.pools["web"].backends[1].port = net::Port(8080);
    auto plan = model::plan(config, {});
    auto rows = backends_json(backend_rows(plan, {}, {}));
    EXPECT_EQ(rows[0].at("backend_port"), 80);
    EXPECT_EQ(rows[1].at("backend_port"), 8080);
    const auto frontend = plan_json(plan, {}).at("frontends").at(0);
    EXPECT_EQ(frontend.at("forward_settings"), json::object{});
    EXPECT_EQ(frontend.at("targets").at(1).at("backend_port"), 8080);
    EXPECT_TRUE(frontend.at("targets").at(1).at("server_id").is_null());
    EXPECT_TRUE(frontend.at("sticky").is_null());
}

TEST(Json, TellsWhoServesAndOfWhichTierABackendIs) {
    auto config = sample_config();
    config.pools["spare"].backends = {{ip("10.0.1.1")}};
    config.pools["sorry"].backends = {{ip("10.0.2.1")}};
    config.services["web"].backup = {"spare"};
    config.services["web"].fallback = "sorry";
    auto plan =
        model::plan(config, {{sample_target(1), {false, "L4CON"}}, {sample_target(2), {false, "L4CON"}}});
    auto rows = backends_json(backend_rows(plan, {}, {}));
    EXPECT_EQ(rows[0].at("effective_weight"), 0.0);
    // A quarter of the weight is usable: 35 % of new flows, to 65 % on the other one's weight of 1.
    EXPECT_NEAR(rows[2].at("effective_weight").as_double(), 0.35 / 0.65, 1e-4);
    EXPECT_EQ(rows[3].at("tier"), 1);
    EXPECT_EQ(rows[3].at("effective_weight"), 1.0);
    EXPECT_EQ(rows[4].at("tier"), "fallback");
    EXPECT_EQ(rows[4].at("limited"), "stands by: the pools before it suffice");
    EXPECT_EQ(services_json(service_rows(config, plan))[0].at("frontends").at(0).at("serving"), "backup");
    StatusReport report;
    report.services = service_rows(config, plan);
    EXPECT_EQ(problems_of(report)[0],
              "service web at 192.0.2.1:80/tcp has 65 % of its new flows on backup pools");
}

TEST(Json, NamesACertificateThatEndsSoonOnceHoweverManyShowIt) {
    StatusReport report;
    auto plan = model::plan(sample_config(), {});
    health::Outcome outcome{true, "L7OK/200", {}, {}, "certificate 07 of CN=www ends at noon"};
    report.backends = backend_rows(
        plan, {},
        {{sample_target(1), {.last_outcome = outcome}}, {sample_target(3), {.last_outcome = outcome}}});
    EXPECT_EQ(problems_of(report),
              std::vector<std::string>{"certificate 07 of CN=www ends at noon; backend 10.0.0.1 of web "
                                       "(192.0.2.1:80/tcp) shows it, and 1 more"});
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
    EXPECT_EQ(status.at("claims"), json::array{});
}

TEST(Json, TellsWhoElseClaimsAVip) {
    StatusReport report;
    report.claims = {{ip("192.0.2.1"), {{2, 0, 0, 0, 0, 7}}, "eth0", SystemTime(1'700'000'000s)}};
    EXPECT_EQ(status_json(report).at("claims"),
              json::parse(R"([{"vip": "192.0.2.1", "mac": "02:00:00:00:00:07", "interface": "eth0",
                               "last_at": "2023-11-14T22:13:20.000Z"}])"));
}

}  // namespace
}  // namespace weir::control
