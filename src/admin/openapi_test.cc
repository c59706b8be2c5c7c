// Holds the document at /api/v1/openapi.json against what the API does, both ways.
#include <gmock/gmock.h>

#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>

#include "admin/captures.h"
#include "admin/gate.h"
#include "admin/routes.h"
#include "admin/schema_check.h"
#include "admin/source.h"
#include "control/controller.h"
#include "control/sample.h"
#include "engine/fake.h"
#include "engine/fake_capturing.h"

namespace weir::admin {
namespace {

namespace json = boost::json;
using testing::StartsWith;

class NoWay final : public health::Path {
  public:
    net::Opened open(const model::TargetKey&, net::Carrier, net::Port) override { return fail("no way"); }
};

/// With something of every kind, so that every part of the schemas has something to hold.
model::Config rich_config() {
    using std::chrono::seconds;
    auto config = control::sample_config();
    config.node_address = control::ip("10.0.0.100");
    config.vlans[10] = {net::Prefix::parse("10.1.0.0/16").value()};
    config.admin = {net::Endpoint{control::ip("127.0.0.1"), net::Port(9070)},
                    {},
                    {},
                    {},
                    model::FileText(std::string("operator-0123456789"))};
    model::HttpCheck http{.path = "/alive?key=secret", .headers = {{"Authorization", "secret"}}};
    model::Tls tls{.sni = "www.example.org", .key = model::FileText(std::string("secret"))};
    config.alerts["hook"] = {model::Webhook{"https://me:secret@hooks.example.org/secret",
                                            model::WebhookFormat::slack,
                                            {{"X-Key", "secret"}},
                                            tls},
                             {model::EventKind::backend_down}};
    config.alerts["log"] = {model::Syslog{}};
    config.alerts["journal"] = {model::Journal{}};
    model::BgpAttributes attributes{1, 2, 3, {0xfde80064}, {{65000, 1, 2}}};
    config.bgp = {.asn = 65000, .router_id = config.node_address, .listen = {*config.admin.listen}};
    config.bgp.peers = {{.address = control::ip("10.0.0.1"),
                         .asn = 65001,
                         .password = "secret",
                         .ttl_security = 1,
                         .bfd = model::Bfd{.multihop = false},
                         .attributes = attributes}};
    config.sync = {.group = net::Endpoint{control::ip("239.83.1.1"), model::kSyncPort},
                   .interface = "eth0",
                   .keys = {"secret-0123456789"}};
    auto& pool = config.pools["web"].backends;
    pool[0].server_id = {10, 1};
    pool[1].port = net::Port(8080);
    config.pools["spare"].backends = {{control::ip("10.0.1.1")}};
    config.pools["sorry"].backends = {{control::ip("10.0.2.1")}};
    auto& web = config.services["web"];
    web.backup = {"spare"};
    web.fallback = "sorry";
    web.sticky = model::Sticky{24, 64};
    web.quic = {{.key = std::array<uint8_t, 16>{1, 2, 3}}};
    model::Check::Kind kinds[] = {model::TcpCheck{"secret", "+OK"},
                                  http,
                                  model::HttpsCheck{http, tls},
                                  model::DnsCheck{.name = "example.org"},
                                  model::ExecCheck{.command = {"/bin/check", "secret"}},
                                  model::SynCheck{},
                                  model::UdpCheck{"secret", ""},
                                  model::IcmpCheck{}};
    for (auto& kind : kinds) web.checks.push_back({.kind = kind});
    model::Service tunnel;
    tunnel.vips = {net::Prefix::parse("198.51.100.0/28").value()};
    tunnel.ports = {{net::Port(8000), model::Protocol::udp, 99}};
    tunnel.pool = "spare";
    tunnel.forward = {
        model::ForwardKind::gue, net::Port(6080), 0, {net::Prefix::parse("10.9.0.0/16").value()}};
    tunnel.scheduler.table_size = 251;
    config.services["tunnel"] = tunnel;
    auto& proxied = config.services["proxied"];
    proxied.vips = {net::only(control::ip("203.0.113.1"))};
    proxied.ports = {{net::Port(80)}};
    proxied.pool = "spare";
    proxied.engine = model::EngineKind::proxy;
    proxied.forward.kind = model::ForwardKind::proxy;
    proxied.scheduler.table_size = 251;
    proxied.proxy = model::Proxy{.bandwidth = 1000000, .send_header = model::ProxyHeader::v2};
    return config;
}

/// The engine has seen something of every kind.
engine::Observation rich_observation() {
    engine::Observation seen;
    seen.interfaces = {{"eth0", "native", ""}};
    seen.targets[control::sample_target(1)] = {1, 2, 3, 4, {.established = 1}};
    seen.not_forwarded = {{"no_backend", "drop", 5}};
    seen.claims = {{control::ip("192.0.2.1"), {{2, 0, 0, 0, 0, 7}}, "eth0", {}}};
    return seen;
}

/// A peer that is up and one that is not.
struct RichBgp final : announce::BgpReporting {
    announce::BgpReport report() const override {
        announce::BgpPeerRow up{.settings = {.address = control::ip("10.0.0.1"), .asn = 65001}};
        up.state = "established";
        up.local = up.router_id = control::ip("10.0.0.100");
        up.agreed = {"ipv4"};
        up.routes = {{.prefix = net::Prefix::parse("192.0.2.1/32").value(),
                      .next_hop = control::ip("10.0.0.100"),
                      .as_path = {65000},
                      .med = 7,
                      .communities = {0xfde80064},
                      .large_communities = {{65000, 1, 2}}}};
        up.withheld = {{net::Prefix::parse("2001:db8::1/128").value(), "no next hop"}};
        up.bfd = announce::BfdRow{
            .state = "up", .remote_state = "up", .diagnostic = "none", .remote_diagnostic = "none"};
        up.bfd->local = up.local;
        announce::BgpPeerRow down{.settings = {.address = control::ip("10.0.0.2"), .asn = 65002}};
        down.state = "idle";
        down.last_error = "hold timer expired";
        return {65000, control::ip("10.0.0.100"), {}, 3, 4, {up, down}};
    }
};

/// A peer that is up and one that is not.
struct RichSync final : sync::Reporting {
    sync::Report report() const override {
        sync::PeerRow up{.endpoint = {control::ip("10.0.0.101"), model::kSyncPort},
                         .node = control::ip("10.0.0.101"),
                         .state = sync::PeerState::up};
        sync::PeerRow silent{.endpoint = {control::ip("10.0.0.102"), model::kSyncPort},
                             .state = sync::PeerState::silent,
                             .fault = "nothing has come from it for 7 s"};
        sync::Report report{.enabled = true, .listening = up.endpoint, .peers = {up, silent}};
        report.speaks_to = {up.endpoint, silent.endpoint};
        report.refused[0] = {1, up.endpoint};
        return report;
    }
};

class OpenApi : public testing::Test {
  protected:
    OpenApi() {
        control::Controller::Options options;
        options.config_path = "weir.yaml";
        options.load = [this] { return next_load; };
        options.bgp = &bgp;
        options.sync = &sync;
        engine.observation = rich_observation();
        controller.emplace(io.get_executor(), clock, engine, no_way, rich_config(), std::move(options));
        document = json::parse(send("GET", "/api/v1/openapi.json").body);
    }

    Response send(std::string_view method, const std::string& target, const std::string& body = "") {
        auto request = parse_target(target).value();
        request.method = method;
        request.from = "ada";
        request.body = body;
        request.role = Role::operates;
        return api({*controller, captures, tally})(request)();
    }
    const json::object& operation(std::string_view method, std::string_view path) {
        return document.at("paths")
            .as_object()
            .at(std::string(path))
            .as_object()
            .at(lower(method))
            .as_object();
    }
    static std::string lower(std::string_view method) {
        std::string name;
        for (char c : method) name += static_cast<char>(std::tolower(c));
        return name;
    }
    /// Whether the document has this answer, and its body is of the kind that it says.
    void expect_described(const Route& route, const Response& response) {
        SCOPED_TRACE(fmt::format("{} {}: {} {}", route.method, route.path, response.status, response.body));
        const auto& answers = operation(route.method, route.path).at("responses").as_object();
        const auto* answer = answers.if_contains(std::to_string(response.status));
        ASSERT_TRUE(answer);
        const auto& [type, content] = *answer->at("content").as_object().begin();
        EXPECT_THAT(response.content_type, StartsWith(std::string(type)));
        if (type != "application/json") return;
        boost::system::error_code code;
        auto body = json::parse(response.body, code);
        ASSERT_FALSE(code);
        EXPECT_EQ(check->wrong(body, content.at("schema").as_object()), "");
    }

    boost::asio::io_context io;
    SystemClock clock{io.get_executor()};
    engine::Fake engine;
    RichBgp bgp;
    RichSync sync;
    NoWay no_way;
    config::Loaded next_load = rich_config();
    std::optional<control::Controller> controller;
    engine::FakeCapturing capturing;
    Captures captures{capturing};
    Tally tally;
    json::value document;
    std::optional<SchemaCheck> check;
};

const Route* route_of(std::string_view method, std::string_view target) {
    auto path = target.substr(0, target.find('?'));
    for (const auto& route : routes())
        if (route.method == method && route.path == path) return &route;
    return nullptr;
}

struct Sample {
    const char* method;
    const char* target;
    const char* body = "";
};

constexpr const char* kYaml = R"(
interfaces: [{name: eth0}]
pools: {web: {static: [10.0.0.1, 10.0.0.2]}}
services: {web: {vip: 192.0.2.1, ports: [80/tcp], pool: web}, more: {vip: 192.0.2.7, ports: [80/tcp], pool: web}}
)";

constexpr Sample kGood[] = {
    {"POST", "/api/v1/overrides", R"({"backend": "10.0.0.2", "service": "web", "state": "draining"})"},
    {"GET", "/api/v1/status"},
    {"GET", "/api/v1/services"},
    {"GET", "/api/v1/backends"},
    {"GET", "/api/v1/pools"},
    {"GET", "/api/v1/flows?service=web&backend=10.0.0.1&limit=7"},
    {"GET", "/api/v1/bgp"},
    {"GET", "/api/v1/sync"},
    {"GET", "/api/v1/config"},
    {"GET", "/api/v1/plan"},
    {"POST", "/api/v1/plan", kYaml},
    {"POST", "/api/v1/reload"},
    {"GET", "/api/v1/trace?src=198.51.100.7:1&vip=192.0.2.1:80&protocol=tcp"},
    {"GET", "/api/v1/overrides"},
    {"GET", "/api/v1/events?after=0&limit=1024"},
    {"GET", "/api/v1/events/stream?after=0"},
    {"POST", "/api/v1/capture?service=web&client=192.0.2.0/24&count=1&seconds=1&snaplen=64"},
    {"GET", "/api/v1/openapi.json"},
    {"GET", "/metrics"},
    {"GET", "/healthz"},
    {"DELETE", "/api/v1/overrides?backend=10.0.0.2&service=web"},
};

TEST_F(OpenApi, DescribesTheAnswerOfEveryRoute) {
    controller->start();
    check.emplace(document);
    std::set<const Route*> asked;
    for (const auto& sample : kGood) {
        const auto* route = route_of(sample.method, sample.target);
        ASSERT_TRUE(route) << sample.target;
        auto response = send(sample.method, sample.target, sample.body);
        EXPECT_EQ(response.status, 200u) << sample.target << response.body;
        expect_described(*route, response);
        asked.insert(route);
        if (!route->body || route->body->schema.empty()) continue;
        const auto& content = operation(route->method, route->path).at("requestBody").at("content");
        EXPECT_EQ(
            check->wrong(json::parse(sample.body), content.at("application/json").at("schema").as_object()),
            "");
    }
    EXPECT_EQ(asked.size(), routes().size()) << "a route has no sample";
}

TEST_F(OpenApi, DescribesEveryRefusal) {
    check.emplace(document);
    std::set<std::pair<const Route*, unsigned>> seen;
    auto refuse = [&](unsigned status, const Sample& sample) {
        const auto* route = route_of(sample.method, sample.target);
        ASSERT_TRUE(route) << sample.target;
        auto response = send(sample.method, sample.target, sample.body);
        EXPECT_EQ(response.status, status) << sample.target << response.body;
        expect_described(*route, response);
        seen.emplace(route, response.status);
    };
    const Sample drain{"POST", "/api/v1/overrides", R"({"backend": "10.0.0.1", "weight": 0})"};
    const Sample lift{"DELETE", "/api/v1/overrides?backend=10.0.0.1"};
    const char* trace = "/api/v1/trace?src=198.51.100.7:1&vip=192.0.2.1:80";
    refuse(503, {"GET", "/api/v1/plan"});
    refuse(500, {"GET", trace});
    engine.refuse_next = Error{"no such interface"};
    controller->start();
    refuse(503, {"GET", "/healthz"});
    controller->reload();
    refuse(400, {"POST", "/api/v1/plan", "services: {web: {vipp: 192.0.2.1}}"});
    refuse(400, {"GET", "/api/v1/trace"});
    refuse(400, {"GET", "/api/v1/flows?backend=web"});
    refuse(404, {"GET", "/api/v1/flows?service=wbe"});
    refuse(400, {"POST", "/api/v1/overrides", "{}"});
    refuse(404, {"POST", "/api/v1/overrides", R"({"backend": "10.0.0.9", "weight": 0})"});
    engine.refuse_next = Error{"no memory"};
    refuse(500, drain);
    controller->reload();
    engine.refuse_next = Error{"no memory"};
    refuse(500, lift);
    refuse(404, lift);
    refuse(400, {"DELETE", "/api/v1/overrides"});
    refuse(400, {"GET", "/api/v1/events?limit=0"});
    refuse(400, {"GET", "/api/v1/events/stream?after=x"});
    std::vector<std::shared_ptr<void>> seats(control::Events::kSeats);
    for (auto& seat : seats) seat = controller->events()->seat();
    refuse(503, {"GET", "/api/v1/events/stream"});
    refuse(400, {"POST", "/api/v1/capture?count=0"});
    auto running = send("POST", "/api/v1/capture");
    refuse(409, {"POST", "/api/v1/capture"});
    next_load->unmatched = model::Unmatched::pass;
    engine.refuse_next = Error{"no memory"};
    refuse(500, {"POST", "/api/v1/reload"});
    next_load = std::unexpected(std::vector<config::Mistake>{{3, 5, "unknown key"}});
    refuse(400, {"POST", "/api/v1/reload"});
    for (const auto& route : routes())
        for (const auto& other : route.others)
            EXPECT_TRUE(seen.contains({&route, other.status}))
                << route.method << ' ' << route.path << " was not seen to answer " << other.status;
}

TEST_F(OpenApi, DescribesWhatTheGateSays) {
    check.emplace(document);
    Gate gate({.remote = {.per_second = 1e-6, .burst = 100}});
    gate.set_tokens(model::FileText(std::string("viewer-0123456789")), {});
    auto ask = [&](const Route& route, const std::string& token) {
        Request request;
        request.method = route.method;
        request.path = route.path;
        if (!token.empty()) request.authorization = "Bearer " + token;
        return gate.admit({.address = control::ip("192.0.2.1")}, request);
    };
    for (const auto& route : routes()) {
        gate = Gate({.remote = {.per_second = 1e-6, .burst = 2}});
        gate.set_tokens(model::FileText(std::string("viewer-0123456789")), {});
        auto refusal = ask(route, "");
        EXPECT_EQ(refusal.status, route.open ? 0u : 401u) << route.path;
        if (!route.open) expect_described(route, refusal);
        refusal = ask(route, "viewer-0123456789");
        EXPECT_EQ(refusal.status, route.method == "GET" ? 0u : 403u) << route.path;
        if (refusal.status != 0) expect_described(route, refusal);
        expect_described(route, ask(route, "viewer-0123456789"));
    }
}

TEST_F(OpenApi, HasEveryPathAndNoOther) {
    controller->start();
    std::map<std::string, std::string> allowed;
    for (const auto& route : routes()) {
        auto& methods = allowed[std::string(route.path)];
        methods += (methods.empty() ? "" : ", ") + std::string(route.method);
    }
    const auto& paths = document.at("paths").as_object();
    EXPECT_EQ(paths.size(), allowed.size());
    for (const auto& [path, operations] : paths) {
        ASSERT_TRUE(allowed.contains(std::string(path))) << path;
        auto refused = send("PATCH", std::string(path));
        EXPECT_EQ(refused.status, 405u) << path;
        EXPECT_EQ(refused.headers["Allow"], allowed[std::string(path)]);
        size_t methods = std::ranges::count(allowed[std::string(path)], ',') + 1;
        EXPECT_EQ(operations.as_object().size(), methods) << path;
    }
    for (const char* path : {"/api/v1", "/api/v1/statuses", "/api/v2/status", "/api/v1/status/"})
        EXPECT_EQ(send("GET", path).status, 404u) << path;
}

TEST_F(OpenApi, SaysOfEachNumberHowLargeItMayBe) {
    controller->start();
    for (const auto& route : routes())
        for (const auto& parameter : route.parameters) {
            if (parameter.most == 0) continue;
            auto with = [&](uint64_t value) {
                auto target = fmt::format("{}?{}={}", route.path, parameter.name, value);
                return send(route.method, target).status;
            };
            SCOPED_TRACE(fmt::format("{} {}", route.path, parameter.name));
            EXPECT_EQ(with(parameter.least), 200u);
            EXPECT_EQ(with(parameter.most), 200u);
            EXPECT_EQ(with(parameter.least - 1), 400u) << "one less, or of 0 more than any";
            EXPECT_EQ(with(parameter.most + 1), 400u);
        }
}

TEST_F(OpenApi, IsWhole) {
    EXPECT_EQ(document.at("openapi"), "3.1.0");
    auto text = json::serialize(document);
    const auto& schemas = document.at("components").at("schemas").as_object();
    std::set<std::string> operations;
    for (const auto& [name, schema] : schemas)
        EXPECT_THAT(text, testing::HasSubstr("\"#/components/schemas/" + std::string(name) + "\""))
            << "unused";
    for (const auto& route : routes())
        EXPECT_TRUE(
            operations.insert(std::string(operation(route.method, route.path).at("operationId").as_string()))
                .second)
            << route.path;
}

TEST_F(OpenApi, ShowsNoSecretOfTheConfiguration) {
    controller->start();
    auto config = send("GET", "/api/v1/config").body;
    for (const char* word : {"secret", "0123456789", "01020300"})
        EXPECT_THAT(config, testing::Not(testing::HasSubstr(word)));
    auto hook = json::parse(config).at("alerts").at("hook").at("settings");
    EXPECT_EQ(hook.at("origin"), "https://hooks.example.org");
    EXPECT_EQ(hook.at("headers").at("X-Key"), "set");
    EXPECT_EQ(json::parse(config).at("admin").at("viewer_token"), nullptr);
}

TEST(SchemaCheck, FindsWhatIsWrong) {
    auto document = json::parse(R"({"components": {"schemas": {"A": {"type": "object",
        "properties": {"n": {"type": "integer", "minimum": 1}, "l": {"type": "array", "items": {"enum": ["x", null]}}},
        "required": ["n"], "additionalProperties": false}}}})");
    SchemaCheck check(document);
    auto schema = json::parse(R"({"$ref": "#/components/schemas/A"})").as_object();
    auto wrong = [&](const char* text) { return check.wrong(json::parse(text), schema); };
    EXPECT_EQ(wrong(R"({"n": 1, "l": ["x", null]})"), "");
    EXPECT_EQ(wrong(R"({"n": 0})"), "$.n is below 1: 0");
    EXPECT_EQ(wrong(R"({"n": true})"), "$.n is no \"integer\": true");
    EXPECT_EQ(wrong(R"({"l": []})"), "$ has no n");
    EXPECT_EQ(wrong(R"({"n": 1, "m": 1})"), "$ has an unknown m");
    EXPECT_EQ(wrong(R"({"n": 1, "l": ["x", "y"]})"), "$.l[1] is none of [\"x\",null]: \"y\"");
    EXPECT_EQ(check.wrong(1, json::parse(R"({"$ref": "#/components/schemas/B"})").as_object()),
              "$: there is no #/components/schemas/B");
    EXPECT_EQ(check.wrong(1, json::parse(R"({"multipleOf": 2})").as_object()),
              "$: this check does not know 'multipleOf'");
}

}  // namespace
}  // namespace weir::admin
