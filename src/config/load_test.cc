#include "config/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>

namespace weir::config {
namespace {

using namespace std::chrono_literals;
using model::Check, model::HttpCheck, model::TcpCheck;

net::Ip ip(std::string_view text) {
    return *net::Ip::parse(text);
}

TEST(Load, ReadsEverySetting) {
    auto config = parse(R"(
node: {address: 10.1.10.100}
interfaces:
  - {name: eth0, mode: native}
  - eth1
admin: {listen: "[::1]:9070"}
flows: {size: 4096, timeouts: {handshake: 10s, established: 1h, closing: 5s, udp: 2m}}
unmatched: pass
pools:
  web:
    static:
      - 10.1.10.10
      - {address: 10.1.10.11, weight: 2}
      - {address: 10.1.10.12, state: disabled}
services:
  web:
    vip: [192.168.101.1, "2001:db8::1"]
    ports: [80/tcp, 443, 443/udp]
    pool: web
    forward: dsr
    scheduler: {rendezvous: {size: 1009}}
    need: 2
    checks:
      - http: {path: /alive, host: www.example.com, expect: [200, 300-399]}
        port: 8080
        interval: 500ms
        timeout: 400ms
        history: 10
        rise: 4
        fall: 3
)");
    ASSERT_TRUE(config) << describe("", config.error());
    model::Config wanted;
    wanted.node_address = ip("10.1.10.100");
    wanted.interfaces = {{"eth0", model::XdpMode::native}, {"eth1", model::XdpMode::automatic}};
    wanted.admin_listen = net::Endpoint{ip("::1"), net::Port(9070)};
    wanted.flows = {4096, 10s, 3600s, 5s, 120s};
    wanted.unmatched = model::Unmatched::pass;
    wanted.pools["web"].backends = {{ip("10.1.10.10"), 1, model::AdminState::enabled},
                                    {ip("10.1.10.11"), 2, model::AdminState::enabled},
                                    {ip("10.1.10.12"), 1, model::AdminState::disabled}};
    auto& service = wanted.services["web"];
    service.vips = {net::only(ip("192.168.101.1")), net::only(ip("2001:db8::1"))};
    service.ports = {{net::Port(80), model::Protocol::tcp},
                     {net::Port(443), model::Protocol::tcp},
                     {net::Port(443), model::Protocol::udp}};
    service.pool = "web";
    service.scheduler = {model::SchedulerKind::rendezvous, 1009};
    service.need = 2;
    service.checks = {Check{HttpCheck{"/alive", "www.example.com", {{200, 200}, {300, 399}}}, net::Port(8080),
                            500ms, 400ms, 10, 4, 3}};
    EXPECT_EQ(*config, wanted);
}

/// The checks of a service of which only they are given.
std::vector<Check> checks_of(std::string_view checks) {
    auto config =
        parse(fmt::format("interfaces: [eth0]\npools: {{p: {{static: [192.0.2.1]}}}}\nservices: {{s: {{vip: "
                          "192.0.2.9, ports: 80, pool: p, "
                          "checks: {}}}}}\n",
                          checks));
    EXPECT_TRUE(config) << describe("", config.error());
    return config ? config->services.at("s").checks : std::vector<Check>{};
}

TEST(Load, TakesChecksInShort) {
    std::vector<Check> tcp{Check{}}, http{Check{.kind = HttpCheck{}}};
    for (auto text : {"[tcp]", "[tcp: ]", "[{tcp: {}}]"}) EXPECT_EQ(checks_of(text), tcp) << text;
    for (auto text : {"[http]", "[http: ]", "[{http: {path: /}}]"}) EXPECT_EQ(checks_of(text), http) << text;
    EXPECT_EQ(checks_of("[]"), std::vector<Check>{});
}

TEST(Load, TakesStatusesAsOneAsTextAndAsAList) {
    std::vector<model::StatusRange> wanted{{200, 299}, {301, 301}};
    for (auto text :
         {"\"200-299 301\"", "200-299 301", "[200-299, 301]", "[200-299 301]", "\"200-299, 301\""})
        EXPECT_EQ(
            std::get<HttpCheck>(checks_of(fmt::format("[{{http: {{expect: {}}}}}]", text))[0].kind).expect,
            wanted)
            << text;
}

TEST(Load, LetsThresholdsFollowAShortHistoryAndTheTimeoutAShortInterval) {
    auto check = checks_of("[{tcp: {}, history: 1, interval: 250ms}]").at(0);
    EXPECT_EQ(check.rise, 1u);
    EXPECT_EQ(check.fall, 1u);
    EXPECT_EQ(check.timeout, 250ms);
}

TEST(Load, UsesAValueAgainByItsAlias) {
    auto config = parse(
        "interfaces: [eth0]\npools: {p: {static: [192.0.2.1]}}\nservices:\n"
        "  a: {vip: 192.0.2.8, ports: 80, pool: p, checks: &checks [{tcp: {}, port: 81}]}\n"
        "  b: {vip: 192.0.2.9, ports: 80, pool: p, checks: *checks}\n");
    ASSERT_TRUE(config) << describe("", config.error());
    EXPECT_EQ(config->services.at("b").checks, config->services.at("a").checks);
    EXPECT_EQ(config->services.at("b").checks.at(0).port, net::Port(81));
}

TEST(Load, ReadsTheExampleThatNewcomersCopy) {
    auto config = load(WEIR_SOURCE_DIR "/examples/dsr.yaml");
    ASSERT_TRUE(config) << describe("examples/dsr.yaml", config.error());
    EXPECT_EQ(config->services.at("web").vips, std::vector{net::only(ip("192.0.2.100"))});
    EXPECT_EQ(config->pools.at("web").backends.size(), 2u);
}

TEST(Load, ReadsTheExampleOfTheManual) {
    std::ifstream manual(WEIR_SOURCE_DIR "/man/weir.yaml.5");
    std::string text, line;
    while (std::getline(manual, line) && line != ".Bd -literal") {
    }
    while (std::getline(manual, line) && line != ".Ed") text += line + "\n";
    auto config = parse(text);
    ASSERT_TRUE(config) << describe("weir.yaml.5", config.error());
    EXPECT_EQ(config->services.size(), 1u);
}

TEST(Load, SaysThatAFileCannotBeRead) {
    EXPECT_EQ(describe("x.yaml", load("/nonexistent/x.yaml").error()),
              "x.yaml: cannot open the file; give the path of a readable file: No such file or directory\n");
    EXPECT_EQ(load("/").error().at(0).message,
              "cannot read the file; give the path of a readable file: Is a directory");
    EXPECT_EQ(load("/dev/zero").error().at(0).message, "the file is larger than 8 MiB; write less");
}

}  // namespace
}  // namespace weir::config
