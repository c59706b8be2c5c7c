// Services that the proxy carries, as they are read.
#include <gtest/gtest.h>

#include "config/load.h"

namespace weir::config {
namespace {

using namespace std::chrono_literals;

model::Config read(std::string_view yaml) {
    auto config = parse(yaml);
    EXPECT_TRUE(config) << yaml << describe("", config.error());
    return config.value_or(model::Config{});
}

/// A service of TCP and UDP with these settings; none where it is refused.
model::Service service_with(std::string_view settings) {
    auto config =
        read(fmt::format("pools: {{p: {{static: [192.0.2.1]}}}}\n"
                         "services: {{s: {{vip: 198.51.100.1, ports: [80, 53/udp], pool: p, {}}}}}\n",
                         settings));
    auto found = config.services.find("s");
    return found == config.services.end() ? model::Service{} : found->second;
}

TEST(Proxy, IsReadWithAllItsSettings) {
    auto config = read(R"(
proxy: {workers: 4, max_connections: 200000, busy_poll: 50ms, pipe_size: 65536}
pools:
  web: {static: [{address: 10.1.10.10, port: 8080, max_connections: 90}, "2001:db8::10"]}
services:
  web:
    vip: 192.0.2.1
    ports: [80, 53/udp]
    pool: web
    forward: proxy
    scheduler: rr
    sticky: source
    proxy:
      connect_timeout: 500ms
      retries: 4
      idle_timeout: 1h
      lifetime: 12h
      max_connections: 5000
      queue_timeout: 2s
      bandwidth: 100MB
      connection_bandwidth: 1500000
      keepalive: 1m
      fast_open: true
      udp_timeout: 10s
      udp_sessions: 1000
      one_packet: true
)");
    EXPECT_EQ(config.proxy, (model::ProxyEngine{4, 200000, 50ms, 65536}));
    const auto& service = config.services.at("web");
    EXPECT_EQ(service.engine, model::EngineKind::proxy);
    EXPECT_EQ(service.forward.kind, model::ForwardKind::proxy);
    EXPECT_EQ(service.scheduler.kind, model::SchedulerKind::rr);
    EXPECT_EQ(service.sticky, model::Sticky{});
    EXPECT_EQ(service.proxy, (model::Proxy{.connect_timeout = 500ms,
                                           .retries = 4,
                                           .idle_timeout = 1h,
                                           .lifetime = 12h,
                                           .max_connections = 5000,
                                           .queue_timeout = 2s,
                                           .bandwidth = 100000000,
                                           .connection_bandwidth = 1500000,
                                           .transparent = false,
                                           .keepalive = 60s,
                                           .fast_open = true,
                                           .udp_timeout = 10s,
                                           .udp_sessions = 1000,
                                           .one_packet = true}));
    EXPECT_EQ(config.pools.at("web").backends.at(0).port, net::Port(8080));
    EXPECT_TRUE(config.interfaces.empty()) << "none is needed";
}

TEST(Proxy, IsTheEngineWhereItIsTheWayToForwardAndTheOtherWayRound) {
    for (auto text : {"forward: proxy", "engine: proxy", "engine: proxy, forward: proxy"}) {
        auto service = service_with(text);
        EXPECT_EQ(service.engine, model::EngineKind::proxy) << text;
        EXPECT_EQ(service.forward, (model::Forward{.kind = model::ForwardKind::proxy})) << text;
        EXPECT_EQ(service.proxy, model::Proxy{}) << text;
    }
}

TEST(Proxy, HasTheClientsAddressWhereItIsTransparent) {
    EXPECT_TRUE(service_with("forward: proxy, proxy: {transparent: true}").proxy->transparent);
}

TEST(Proxy, TakesRatesInBytesAndInUnits) {
    for (const auto& [text, bytes] :
         std::initializer_list<std::pair<const char*, uint64_t>>{{"1000", 1000},

                                                                 {"500kB", 500000},
                                                                 {"10MB", 10000000},
                                                                 {"1GB", 1000000000},
                                                                 {"1000GB", 1000000000000},
                                                                 {"8kbit", 1000},
                                                                 {"100Mbit", 12500000},
                                                                 {"10Gbit", 1250000000}})
        EXPECT_EQ(
            service_with(fmt::format("forward: proxy, proxy: {{bandwidth: {}}}", text)).proxy->bandwidth,
            bytes)
            << text;
}

TEST(Proxy, HasVipsThatOtherProxiesHaveToo) {
    auto config = read(
        "pools: {p: {static: [192.0.2.1]}}\n"
        "services:\n"
        "  web: {vip: 198.51.100.1, ports: 80, pool: p, forward: proxy}\n"
        "  tls: {vip: 198.51.100.1, ports: 443, pool: p, forward: proxy}\n");
    EXPECT_EQ(config.services.at("web").vips, config.services.at("tls").vips);
}

TEST(Proxy, IsCheckedAtAPortOfItsOwn) {
    auto service = service_with("forward: proxy, checks: [tcp, {http: {path: /alive}, port: 8081}, icmp]");
    ASSERT_EQ(service.checks.size(), 3u);
    EXPECT_FALSE(service.checks[0].port) << "the backend's";
    EXPECT_EQ(service.checks[1].port, net::Port(8081));
}

TEST(Proxy, MayHaveHeadersOnBothSides) {
    auto config = read(
        "pools: {p: {static: [10.0.0.1]}}\n"
        "services: {s: {vip: 192.0.2.1, ports: 80, pool: p, forward: proxy,\n"
        "  proxy: {accept_header: true, send_header: v1}}}\n");
    const auto& proxy = config.services.at("s").proxy;
    ASSERT_TRUE(proxy);
    EXPECT_TRUE(proxy->accept_header);
    EXPECT_EQ(proxy->send_header, model::ProxyHeader::v1);
}

TEST(Proxy, IsOfNoServiceOfXdp) {
    auto config = read(
        "interfaces: [eth0]\npools: {p: {static: [10.0.0.1]}}\n"
        "services: {s: {vip: 192.0.2.1, ports: 80, pool: p}}\n");
    EXPECT_FALSE(config.services.at("s").proxy);
    EXPECT_EQ(config.services.at("s").engine, model::EngineKind::xdp);
    EXPECT_EQ(config.proxy, model::ProxyEngine{});
}

TEST(Proxy, HasAnExampleThatIsRight) {
    auto config = load(WEIR_SOURCE_DIR "/examples/proxy.yaml");
    ASSERT_TRUE(config) << describe("examples/proxy.yaml", config.error());
    for (const auto& [name, service] : config->services)
        EXPECT_EQ(service.engine, model::EngineKind::proxy) << name;
    EXPECT_EQ(config->services.at("web").proxy->send_header, model::ProxyHeader::v2);
    EXPECT_TRUE(config->services.at("names").proxy->one_packet);
}

}  // namespace
}  // namespace weir::config
