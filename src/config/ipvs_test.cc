// Services that the kernel's balancer carries, as they are read.
#include <gtest/gtest.h>

#include "config/load.h"

namespace weir::config {
namespace {

using namespace std::chrono_literals;

model::Config read(std::string_view yaml) {
    auto config = parse(yaml);
    EXPECT_TRUE(config) << describe("", config.error());
    return config.value_or(model::Config{});
}

TEST(Ipvs, IsReadWithAllItsSettings) {
    auto config = read(R"(
ipvs:
  sync: {role: master, interface: eth1, id: 7, group: 224.0.0.82, port: 9000, ttl: 2}
  timeouts: {tcp: 15m, udp: 30s}
pools:
  web: {static: [{address: 10.1.10.10, port: 8080, max_connections: 90, min_connections: 60}]}
services:
  web:
    engine: ipvs
    vip: 192.0.2.1
    ports: [80, 443/udp]
    pool: web
    forward: nat
    scheduler: mh
    ipvs: {persistence: 5m, netmask: {ipv4: 24}, flags: [mh-port, mh-fallback]}
)");
    EXPECT_EQ(config.ipvs_sync,
              (model::IpvsSync{model::IpvsRole::master, "eth1", 7, net::Ip::parse("224.0.0.82").value(),
                               net::Port(9000), uint8_t{2}}));
    EXPECT_EQ(config.ipvs_timeouts, (model::IpvsTimeouts{900s, std::nullopt, 30s}));
    const auto& service = config.services.at("web");
    EXPECT_EQ(service.engine, model::EngineKind::ipvs);
    EXPECT_EQ(service.ipvs, (model::Ipvs{"mh", {"mh-port", "mh-fallback"}, 300s, 24, 128, false}));
    EXPECT_EQ(service.forward.kind, model::ForwardKind::nat);
    const auto& backend = config.pools.at("web").backends.at(0);
    EXPECT_EQ(backend.port, net::Port(8080));
    EXPECT_EQ(backend.max_connections, 90u);
    EXPECT_EQ(backend.min_connections, 60u);
    EXPECT_TRUE(config.interfaces.empty()) << "none is needed";
}

TEST(Ipvs, HasTheKernelsDefaultScheduler) {
    auto config = read(
        "pools: {p: {static: [10.0.0.1]}}\n"
        "services: {s: {engine: ipvs, vip: 192.0.2.1, ports: 80, pool: p}}\n");
    EXPECT_EQ(config.services.at("s").ipvs, model::Ipvs{.scheduler = "wlc"});
    EXPECT_FALSE(config.ipvs_sync);
    EXPECT_FALSE(config.ipvs_timeouts);
}

TEST(Ipvs, TakesAMarkInPlaceOfVipsAndPorts) {
    auto config = read(
        "pools: {p: {static: [\"2001:db8::1\"]}}\n"
        "services: {s: {engine: ipvs, mark: 7, family: inet6, pool: p}}\n");
    EXPECT_EQ(config.services.at("s").mark, (model::Mark{7, net::Family::v6}));
    EXPECT_FALSE(config.services.at("s").bgp) << "there is no VIP to announce";
}

TEST(Ipvs, HasAnExampleThatIsRight) {
    auto config = config::load(WEIR_SOURCE_DIR "/examples/ipvs.yaml");
    ASSERT_TRUE(config) << describe("examples/ipvs.yaml", config.error());
    EXPECT_EQ(config->services.at("web").ipvs->persistence, 5min);
}

TEST(Ipvs, IsOfNoServiceOfXdp) {
    auto config = read(
        "interfaces: [eth0]\npools: {p: {static: [10.0.0.1]}}\n"
        "services: {s: {vip: 192.0.2.1, ports: 80, pool: p}}\n");
    EXPECT_FALSE(config.services.at("s").ipvs);
}

}  // namespace
}  // namespace weir::config
