#include "engine/ipvs/wanted.h"

#include <gmock/gmock.h>
#include <netinet/in.h>

#include "engine/ipvs/plan_fixture.h"

namespace weir::engine::ipvs {
namespace {

using model::Accepts, model::ForwardKind, model::kWhole;
using testing::ElementsAre, testing::HasSubstr;

const ServiceKey kWeb{ip("192.0.2.1"), net::Port(80), IPPROTO_TCP};

WantedService only_service(const model::Frontend& frontend) {
    auto wanted = wanted_of(plan_of({frontend}));
    EXPECT_EQ(wanted.services.size(), 1u);
    return wanted.services.begin()->second;
}
std::string why_impossible(const model::Frontend& frontend) {
    auto wanted = wanted_of(plan_of({frontend}));
    EXPECT_TRUE(wanted.services.empty());
    return wanted.impossible.empty() ? "" : wanted.impossible.begin()->second;
}

TEST(IpvsWanted, TakesOnlyItsOwnFrontends) {
    auto other = frontend(web(), {target("10.0.0.1")});
    other.engine = model::EngineKind::xdp;
    other.ipvs.reset();
    EXPECT_EQ(wanted_of(plan_of({other})), Wanted());
}

TEST(IpvsWanted, HasADestinationForEachTargetThatKeepsFlows) {
    auto service =
        only_service(frontend(web(), {target("10.0.0.1", 3), target("10.0.0.2", 2, Accepts::established),
                                      target("10.0.0.3", 2, Accepts::nothing)}));
    EXPECT_EQ(service.settings, (Service{"wlc", 0, 0, 32}));
    EXPECT_EQ(service.destinations,
              (std::map<net::Endpoint, Destination>{{at("10.0.0.1:80"), {Method::direct, {}, 3}},
                                                    {at("10.0.0.2:80"), {Method::direct, {}, 0}}}));
    EXPECT_EQ(service.cut, std::set{at("10.0.0.3:80")});
}

TEST(IpvsWanted, KnowsEveryMethod) {
    const std::pair<ForwardKind, Destination> kinds[] = {
        {ForwardKind::nat, {Method::nat}},
        {ForwardKind::dsr, {Method::direct}},
        {ForwardKind::ipip, {Method::tunnel, {TunnelKind::ipip}}},
        {ForwardKind::gre, {Method::tunnel, {TunnelKind::gre}}},
        {ForwardKind::gue, {Method::tunnel, {TunnelKind::gue, 6080, 0}}}};
    for (const auto& [kind, destination] : kinds)
        EXPECT_EQ(only_service(frontend(web(), {target("10.0.0.1")}, kind)).destinations.begin()->second,
                  destination)
            << model::to_text(kind);
}

TEST(IpvsWanted, PutsAChecksumIntoUdpOverIpv6) {
    auto gue = frontend(web("2001:db8::1"), {target("2001:db8:10::1")}, ForwardKind::gue);
    gue.forward.port = net::Port(7000);
    EXPECT_EQ(only_service(gue).destinations.begin()->second,
              (Destination{Method::tunnel, {TunnelKind::gue, 7000, kTunnelChecksum}}));
}

TEST(IpvsWanted, RefusesTheOtherMethods) {
    EXPECT_THAT(why_impossible(frontend(web(), {target("10.0.0.1")}, ForwardKind::fou)),
                HasSubstr("nat, dsr, ipip, gre and gue"));
    EXPECT_THAT(why_impossible(frontend(web(), {target("10.0.0.1")}, ForwardKind::dscp)), HasSubstr("dscp"));
    auto full = frontend(web(), {target("10.0.0.1")}, ForwardKind::nat);
    full.forward.sources = {net::only(ip("10.0.0.9"))};
    EXPECT_THAT(why_impossible(full), HasSubstr("keeps the client's address"));
}

TEST(IpvsWanted, TranslatesThePortByNatOnly) {
    auto backend = target("10.0.0.1");
    backend.backend.port = net::Port(8080);
    auto nat = frontend(web(), {backend}, ForwardKind::nat), direct = frontend(web(), {backend});
    EXPECT_EQ(destination_of(nat, backend.backend), at("10.0.0.1:8080"));
    EXPECT_EQ(destination_of(direct, backend.backend), at("10.0.0.1:80"));
    backend.backend.port.reset();
    EXPECT_EQ(destination_of(nat, backend.backend), at("10.0.0.1:80"));
}

TEST(IpvsWanted, TakesAMarkInPlaceOfAnAddress) {
    auto marked =
        frontend(model::FrontendKey::of({7, net::Family::v6}), {target("2001:db8:10::1")}, ForwardKind::nat);
    auto wanted = wanted_of(plan_of({marked}));
    ASSERT_EQ(wanted.services.size(), 1u);
    EXPECT_EQ(wanted.services.begin()->first, (ServiceKey{net::Ip::v6({}), net::Port(0), 0, 7}));
    EXPECT_EQ(wanted.services.begin()->second.settings.netmask, 128);
    EXPECT_EQ(wanted.services.begin()->second.destinations.begin()->first,
              (net::Endpoint{ip("2001:db8:10::1"), net::Port(0)}));
}

TEST(IpvsWanted, RefusesWhatOnlyAMarkCanSay) {
    auto prefix = web();
    prefix.free_bits = 8;
    EXPECT_THAT(why_impossible(frontend(prefix, {})), HasSubstr("mark"));
    auto range = web();
    range.more_ports = 9;
    EXPECT_THAT(why_impossible(frontend(range, {})), HasSubstr("one port or all, not 80-89"));
    auto icmp = web();
    icmp.protocol = model::Protocol::icmp;
    EXPECT_THAT(why_impossible(frontend(icmp, {})), HasSubstr("TCP, UDP and SCTP"));
}

TEST(IpvsWanted, TakesEveryPortWithPersistence) {
    auto key = web();
    key.port = net::Port(0);
    key.more_ports = 0xffff;
    auto every = frontend(key, {target("10.0.0.1")});
    EXPECT_THAT(why_impossible(every), HasSubstr("persistence"));
    every.ipvs->persistence = std::chrono::seconds(60);
    auto wanted = wanted_of(plan_of({every}));
    EXPECT_EQ(wanted.services.begin()->first, (ServiceKey{ip("192.0.2.1"), net::Port(0), IPPROTO_TCP}));
}

TEST(IpvsWanted, PassesOnPersistenceAndFlags) {
    auto sticky = frontend(web(), {});
    *sticky.ipvs = {"sh", {"sh-port", "sh-fallback"}, std::chrono::seconds(300), 24, 64, false};
    EXPECT_EQ(only_service(sticky).settings, (Service{"sh", kPersistent | 0x18, 300, 24}));
    sticky.key.vip = ip("2001:db8::1");
    EXPECT_EQ(only_service(sticky).settings.netmask, 64);
    auto datagrams = frontend(web(), {});
    datagrams.key.protocol = model::Protocol::udp;
    datagrams.ipvs->one_packet = true;
    EXPECT_EQ(only_service(datagrams).settings.flags, kOnePacket);
    sticky.ipvs->scheduler_flags = {"sh-prot"};
    EXPECT_THAT(why_impossible(sticky), HasSubstr("sh-port"));
}

TEST(IpvsWanted, PassesOnThresholds) {
    auto limited = target("10.0.0.1");
    limited.backend.max_connections = 100;
    limited.backend.min_connections = 60;
    auto destination = only_service(frontend(web(), {limited})).destinations.begin()->second;
    EXPECT_EQ(destination.upper, 100u);
    EXPECT_EQ(destination.lower, 60u);
}

TEST(IpvsWanted, KeepsTheProportionOfPartsOfWeights) {
    auto half = target("10.0.0.1", 10), tenth = target("10.0.0.2", 10),
         out = target("10.0.0.3", 9, Accepts::established);
    EXPECT_THAT(weights_of({half, tenth, out}), ElementsAre(10, 10, 0));
    half.fraction = kWhole / 2;
    tenth.fraction = kWhole / 10;
    EXPECT_THAT(weights_of({half, tenth, out}), ElementsAre(500, 100, 0));
    EXPECT_THAT(weights_of({half, target("10.0.0.4", 1000)}), ElementsAre(327, 65535));
    tenth.fraction = 1;
    tenth.backend.weight = 1;
    EXPECT_THAT(weights_of({tenth, target("10.0.0.4", 0)}), ElementsAre(1, 0)) << "little is not nothing";
}

TEST(IpvsWanted, KeepsTryingWhatTheKernelRefused) {
    auto wanted = wanted_of(plan_of({frontend(web(), {target("10.0.0.1", 5, Accepts::nothing)})}),
                            [](const auto& key) { return key.backend == ip("10.0.0.1"); });
    const auto& service = wanted.services.at(kWeb);
    EXPECT_TRUE(service.cut.empty());
    EXPECT_EQ(service.destinations.at(at("10.0.0.1:80")).weight, 0u);
}

TEST(IpvsWanted, HasADaemonForEachRole) {
    model::Plan plan;
    plan.ipvs_sync = model::IpvsSync{.interface = "eth0", .id = 3, .port = net::Port(9000)};
    plan.ipvs_timeouts = model::IpvsTimeouts{.tcp = std::chrono::seconds(60)};
    auto wanted = wanted_of(plan);
    const SyncDaemon daemon{"eth0", 3, {}, 9000};
    EXPECT_EQ(wanted.daemons, (std::map<Role, SyncDaemon>{{Role::master, daemon}, {Role::backup, daemon}}));
    EXPECT_EQ(wanted.timeouts, (Timeouts{60, {}, {}}));
    plan.ipvs_sync->role = model::IpvsRole::backup;
    EXPECT_EQ(wanted_of(plan).daemons, (std::map<Role, SyncDaemon>{{Role::backup, daemon}}));
}

}  // namespace
}  // namespace weir::engine::ipvs
