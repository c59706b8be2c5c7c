// Neighbours against the kernel: gateways, routes and what they bring along.
#include <gmock/gmock.h>
#include <linux/nexthop.h>

#include "tests/e2e/neighbourhood.h"

namespace weir::net {
namespace {

using testing::HasSubstr;
class WaysTest : public Neighbourhood {};

TEST_F(WaysTest, FindsTheGatewayBeforeABackend) {
    set_route(*balancer_, {"10.8.0.0/16", {"eth0"}, {"10.0.0.2"}});
    set_route(*balancer_, {"10.9.0.0/16", {"eth0"}, {"2001:db8::2"}});
    set_route(*balancer_, {"2001:db8:8::/48", {"eth0"}, {"2001:db8::2"}});
    neighbours_->watch({ip("10.8.1.1"), ip("10.9.1.1"), ip("2001:db8:8::1")});
    for (const auto* backend : {"10.8.1.1", "10.9.1.1", "2001:db8:8::1"})
        EXPECT_TRUE(resolves_to(backend, kPeer)) << backend;
    Neighbour expected{.interface = neighbours_->link("eth0")->index,
                       .mac = kPeer,
                       .source_mac = balancer_->mac("eth0"),
                       .mtu = 1500,
                       .gateway = ip("10.0.0.2"),
                       .source = ip("10.0.0.1")};
    EXPECT_EQ(neighbours_->find(ip("10.8.1.1")), expected);
    expected.gateway = ip("2001:db8::2");
    EXPECT_EQ(neighbours_->find(ip("10.9.1.1")), expected);
    expected.source = ip("2001:db8::1");
    EXPECT_EQ(neighbours_->find(ip("2001:db8:8::1")), expected);
}

TEST_F(WaysTest, SaysThatAGatewayDoesNotAnswer) {
    set_route(*balancer_, {"10.8.0.0/16", {"eth0"}, {"10.0.0.9"}});
    neighbours_->watch({ip("10.8.1.1")});
    EXPECT_EQ(reason("10.8.1.1"),
              "10.8.1.1 is behind the gateway 10.0.0.9: 10.0.0.9 does not answer ARP on eth0");
    peer_->add_address("eth0", "10.0.0.9/24");
    EXPECT_TRUE(resolves_to("10.8.1.1", kPeer));
}

TEST_F(WaysTest, AsksForAGatewayInsteadOfTheBackendsBehindIt) {
    set_route(*balancer_, {"10.8.0.0/16", {"eth0"}, {"10.0.0.2"}});
    std::set<Ip> backends;
    for (uint8_t i = 1; i <= 200; i++) backends.insert(Ip::v4({10, 8, 0, i}));
    neighbours_->watch(backends);
    for (const auto& backend : backends) EXPECT_TRUE(resolves_to(backend.text(), kPeer));
    std::set<Ip> asked;
    auto netlink = open_netlink();
    ASSERT_TRUE(dump(netlink, RTM_GETNEIGH, [&](const nlmsghdr& message) {
        auto entry = decode_neighbour(message);
        if (entry && entry->address.is_v4() && !entry->address.is_multicast()) asked.insert(entry->address);
    }));
    EXPECT_THAT(asked, testing::ElementsAre(ip("10.0.0.2")));
    neighbours_->watch({*backends.begin()});
    EXPECT_TRUE(neighbours_->find(*backends.begin())) << "the others did not take the gateway with them";
}

TEST_F(WaysTest, FollowsTheMacOfAGateway) {
    set_route(*balancer_, {"10.8.0.0/16", {"eth0"}, {"10.0.0.2"}});
    neighbours_->watch({ip("10.8.1.1"), ip("10.8.1.2")});
    ASSERT_TRUE(resolves_to("10.8.1.1", kPeer));
    int before = changes_;
    peer_->sysctl("net.ipv4.conf.eth0.arp_notify", "1");
    peer_->set_mac("eth0", mac("02:00:00:00:00:22"));
    EXPECT_TRUE(resolves_to("10.8.1.1", mac("02:00:00:00:00:22")));
    EXPECT_TRUE(resolves_to("10.8.1.2", mac("02:00:00:00:00:22")));
    EXPECT_TRUE(until([&] { return changes_ > before; }));
}

TEST_F(WaysTest, FollowsARouteToAnotherGatewayWithoutAGap) {
    set_route(*balancer_, {"10.8.0.0/16", {"eth0"}, {"10.0.0.2"}});
    neighbours_->watch({ip("10.8.1.1")});
    ASSERT_TRUE(resolves_to("10.8.1.1", kPeer));
    int before = changes_;
    set_route(*balancer_, {"10.8.0.0/16", {"eth1"}, {"10.0.1.9"}});
    EXPECT_TRUE(until([&] { return changes_ > before; }));
    EXPECT_TRUE(resolves_to("10.8.1.1", kPeer)) << "the new one has not answered yet";
    other_->add_address("eth0", "10.0.1.9/24");
    bool kept = true;
    EXPECT_TRUE(until([&] {
        auto found = neighbours_->find(ip("10.8.1.1"));
        kept = kept && found;
        return found && found->mac == kOther;
    }));
    EXPECT_TRUE(kept);
    auto found = neighbours_->find(ip("10.8.1.1")).value();
    EXPECT_EQ(found.interface, neighbours_->link("eth1")->index);
    EXPECT_EQ(found.gateway, ip("10.0.1.9"));
    EXPECT_EQ(found.source, ip("10.0.1.1"));
}

TEST_F(WaysTest, LetsTheFormerWayGoWhenTheNewGatewayDoesNotAnswer) {
    set_route(*balancer_, {"10.8.0.0/16", {"eth0"}, {"10.0.0.2"}});
    neighbours_->watch({ip("10.8.1.1")});
    ASSERT_TRUE(resolves_to("10.8.1.1", kPeer));
    set_route(*balancer_, {"10.8.0.0/16", {"eth1"}, {"10.0.1.9"}});
    EXPECT_THAT(reason("10.8.1.1"), HasSubstr("10.0.1.9 does not answer ARP on eth1"));
}

TEST_F(WaysTest, LetsTheKernelChooseAmongGateways) {
    set_route(*balancer_, {"10.8.0.0/16", {"eth0", "eth1"}, {"10.0.0.2", "10.0.1.2"}});
    neighbours_->watch({ip("10.8.1.1")});
    ASSERT_TRUE(finds("10.8.1.1", [](const Neighbour&) { return true; }));
    auto found = neighbours_->find(ip("10.8.1.1")).value();
    auto netlink = open_netlink();
    auto route = ask_route(netlink, ip("10.8.1.1"));
    ASSERT_TRUE(route);
    EXPECT_EQ(found.gateway, route->gateway);
    EXPECT_EQ(found.interface, route->interface);
    balancer_->set_up(neighbours_->link(found.interface)->name, false);
    EXPECT_TRUE(resolves_to("10.8.1.1", found.mac == kPeer ? kOther : kPeer));
}

TEST_F(WaysTest, FollowsANextHopObjectThatChangesUnderItsRoute) {
    balancer_->sysctl("net.ipv4.nexthop_compat_mode", "0");  // the kernel does not tell of the route then
    auto netlink = open_netlink();
    auto set_object = [&](const std::string& interface, const std::string& gateway) {
        nhmsg header{.nh_family = AF_INET};
        Message message(RTM_NEWNEXTHOP, NLM_F_CREATE | NLM_F_REPLACE, header);
        message.put(NHA_ID, 1).put(NHA_OIF, balancer_->index(interface));
        return netlink.ask(message.put(NHA_GATEWAY, ip(gateway).bytes()));
    };
    ASSERT_TRUE(set_object("eth0", "10.0.0.2"));
    rtmsg header{.rtm_family = AF_INET,
                 .rtm_dst_len = 16,
                 .rtm_table = RT_TABLE_MAIN,
                 .rtm_protocol = RTPROT_STATIC,
                 .rtm_type = RTN_UNICAST};
    Message route(RTM_NEWROUTE, NLM_F_CREATE, header);
    ASSERT_TRUE(netlink.ask(route.put(RTA_DST, ip("10.8.0.0").bytes()).put(RTA_NH_ID, 1)));
    neighbours_->watch({ip("10.8.1.1")});
    ASSERT_TRUE(resolves_to("10.8.1.1", kPeer));
    ASSERT_TRUE(set_object("eth1", "10.0.1.2"));
    EXPECT_TRUE(resolves_to("10.8.1.1", kOther));
}

TEST_F(WaysTest, FollowsTheMtuOfInterfaceAndRoute) {
    Path path{.prefix = "10.8.0.0/16", .gateways = {"10.0.0.2"}, .mtu = 1400};
    set_route(*balancer_, path);
    neighbours_->watch({ip("10.0.0.2"), ip("10.8.1.1"), ip("2001:db8::2")});
    auto becomes = [&](const std::string& address, uint32_t mtu) {
        return finds(address, [&](const Neighbour& found) { return found.mtu == mtu; });
    };
    EXPECT_TRUE(becomes("10.0.0.2", 1500));
    EXPECT_TRUE(becomes("10.8.1.1", 1400));
    int before = changes_;
    balancer_->set_mtu("eth0", 1380);
    EXPECT_TRUE(becomes("10.0.0.2", 1380));
    EXPECT_TRUE(becomes("2001:db8::2", 1380));
    EXPECT_TRUE(becomes("10.8.1.1", 1380));
    EXPECT_TRUE(until([&] { return changes_ > before; }));
    path.mtu = 1350;
    set_route(*balancer_, path);
    EXPECT_TRUE(becomes("10.8.1.1", 1350));
    path.mtu = 0;
    set_route(*balancer_, path);
    EXPECT_TRUE(becomes("10.8.1.1", 1380));
}

TEST_F(WaysTest, FollowsThePreferredSource) {
    balancer_->add_address("lo", "192.0.2.7/32");
    neighbours_->watch({ip("10.8.1.1")});
    auto becomes = [&](const std::string& source) {
        return finds("10.8.1.1", [&](const Neighbour& found) { return found.source == ip(source); });
    };
    Path path{.prefix = "10.8.0.0/16", .gateways = {"10.0.0.2"}};
    set_route(*balancer_, path);
    EXPECT_TRUE(becomes("10.0.0.1"));
    path.source = "192.0.2.7";
    set_route(*balancer_, path);
    EXPECT_TRUE(becomes("192.0.2.7"));
}

TEST_F(WaysTest, NoticesARouteThatGoesWithItsSource) {
    balancer_->add_address("lo", "192.0.2.7/32");
    set_route(*balancer_, {.prefix = "10.8.0.0/16", .gateways = {"10.0.0.2"}, .source = "192.0.2.7"});
    neighbours_->watch({ip("10.8.1.1")});
    ASSERT_TRUE(resolves_to("10.8.1.1", kPeer));
    balancer_->remove_address("lo", "192.0.2.7/32");  // all that Linux before 6.6 tells
    EXPECT_TRUE(until([&] { return !neighbours_->find(ip("10.8.1.1")); }, 6s));
}

}  // namespace
}  // namespace weir::net
