#include "model/plan.h"

#include <gtest/gtest.h>

namespace weir::model {
namespace {

FrontendKey key(std::string_view vips, uint16_t port, Protocol protocol, uint16_t more) {
    auto prefix = net::Prefix::parse(vips).value();
    return {prefix.address, net::Port(port), protocol, more, net::free_bits(prefix)};
}

TEST(FrontendKey, ReadsAsItIsConfigured) {
    EXPECT_EQ(key("192.0.2.1/32", 80, Protocol::tcp, 0).text(), "192.0.2.1:80/tcp");
    EXPECT_EQ(key("192.0.2.0/28", 8000, Protocol::udp, 99).text(), "192.0.2.0/28:8000-8099/udp");
    EXPECT_EQ(key("2001:db8::/64", 0, Protocol{47}, 0xffff).text(), "[2001:db8::/64]:any/gre");
    EXPECT_EQ(key("192.0.2.1/32", 0, Protocol::any, 0xffff).text(), "192.0.2.1:any/any");
}

TEST(FrontendKey, OfAMarkStandsForEveryAddressOfItsFamily) {
    auto v4 = FrontendKey::of({.number = 7}), v6 = FrontendKey::of({.number = 7, .family = net::Family::v6});
    EXPECT_EQ(v4.text(), "mark 7/inet");
    EXPECT_EQ(v6.text(), "mark 7/inet6");
    EXPECT_TRUE(v4.vip.is_unspecified() && v4.vip.is_v4() && v6.vip.is_unspecified() && !v6.vip.is_v4());
    EXPECT_NE(v4, FrontendKey::of({.number = 8}));
}

TEST(FrontendKey, HasItsVipProbedAndOfAPrefixTheFirstBehindTheBase) {
    auto probed = [](std::string_view vips) {
        return key(vips, 80, Protocol::tcp, 0).probe_address().text();
    };
    EXPECT_EQ(probed("192.0.2.0/32"), "192.0.2.0");
    EXPECT_EQ(probed("192.0.2.0/31"), "192.0.2.1");
    EXPECT_EQ(probed("10.0.0.0/8"), "10.0.0.1");
    EXPECT_EQ(probed("2001:db8::/64"), "2001:db8::1");
    EXPECT_EQ(probed("2001:db8::8/128"), "2001:db8::8");
}

Config two_services() {
    Config config;
    for (std::string name : {"a", "b"}) {
        config.pools[name].backends = {{net::Ip::v4({10, 0, 0, 1})}, {net::Ip::v4({10, 0, 0, 2})}};
        Service service;
        service.vips = {net::Prefix::parse(name == "a" ? "192.0.2.2/32" : "192.0.2.1/32").value()};
        service.ports = {{net::Port(80), Protocol::tcp}, {net::Port(443), Protocol::tcp}};
        service.pool = name;
        config.services[name] = service;
    }
    return config;
}

TEST(Replan, MakesTheServicesNamedAsPlanDoesAndSharesTheOthers) {
    auto config = two_services();
    auto former = plan(config, {});
    HealthMap health = {{{former.frontends[3].key, net::Ip::v4({10, 0, 0, 1})}, {false, "L4CON"}}};
    Overrides overrides = {{{net::Ip::v4({10, 0, 0, 2}), "a"}, {.weight = 7}}};
    auto next = replan(former, {"a"}, config, health, {}, overrides);
    EXPECT_EQ(next, plan(config, health, {}, overrides));
    EXPECT_EQ(next.frontends.item(0), former.frontends.item(0)) << "of b, whose VIP comes first";
    EXPECT_EQ(next.frontends.item(1), former.frontends.item(1));
    EXPECT_NE(next.frontends[3], former.frontends[3]);
}

TEST(Plan, HasOneFrontendForAMarkAndAnnouncesNothingForIt) {
    auto config = two_services();
    auto& marked = config.services["a"];
    marked.vips.clear();
    marked.ports.clear();
    marked.mark = Mark{.number = 7};
    marked.engine = EngineKind::ipvs;
    marked.ipvs = Ipvs{.scheduler = "sh"};
    auto made = plan(config, {});
    ASSERT_EQ(made.frontends.size(), 3u);
    const auto& first = made.frontends[0];
    EXPECT_EQ(first.key.text(), "mark 7/inet");
    EXPECT_EQ(first.engine, EngineKind::ipvs);
    EXPECT_EQ(first.ipvs, marked.ipvs);
    EXPECT_EQ(announced_vips(made).size(), 1u) << "the VIP of b";
}

TEST(SameTargets, AreOfTheSameBackendsReachedInTheSameWay) {
    auto config = two_services();
    auto former = plan(config, {});
    EXPECT_TRUE(same_targets(
        former, plan(config, {{{former.frontends[0].key, net::Ip::v4({10, 0, 0, 1})}, {false, "L4CON"}}})));
    config.services["b"].forward.kind = ForwardKind::ipip;
    EXPECT_FALSE(same_targets(former, plan(config, {})));
    config = two_services();
    config.services["b"].engine = EngineKind::ipvs;
    EXPECT_FALSE(same_targets(former, plan(config, {})));
    config = two_services();
    config.pools["b"].backends.pop_back();
    EXPECT_FALSE(same_targets(former, plan(config, {})));
    config = two_services();
    config.services.erase("b");
    EXPECT_FALSE(same_targets(former, plan(config, {})));
}

TEST(AnnouncedVips, AreNoneOfASilentPlan) {
    auto config = two_services();
    config.services["a"].announce_arp = true;
    auto loud = plan(config, {});
    auto vip = net::Prefix::parse("192.0.2.2/32").value();
    EXPECT_TRUE(announced_vips(loud).at(vip));
    loud.silent = true;
    EXPECT_FALSE(announced_vips(loud).at(vip));
}

TEST(Protocols, AreReadAsTheyAreWritten) {
    for (unsigned number = 1; number < 256; number++) {
        auto protocol = static_cast<Protocol>(number);
        EXPECT_EQ(read_protocol(to_text(protocol)), protocol);
        EXPECT_EQ(read_protocol(std::to_string(number)), protocol);
    }
    EXPECT_EQ(read_protocol("any"), Protocol::any);
    for (auto text : {"", "0", "256", "-1", "TCP", "6 "}) EXPECT_FALSE(read_protocol(text)) << text;
}

}  // namespace
}  // namespace weir::model
