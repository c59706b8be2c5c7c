// Neighbours against the kernel: backends one hop away.
#include <gmock/gmock.h>

#include "tests/e2e/neighbourhood.h"

namespace weir::net {
namespace {

using testing::HasSubstr;
class NeighboursTest : public Neighbourhood {};

TEST_F(NeighboursTest, FindsWhereAnIpv4AndAnIpv6BackendAre) {
    neighbours_->watch({ip("10.0.0.2"), ip("2001:db8::2")});
    EXPECT_TRUE(resolves_to("10.0.0.2", kPeer));
    EXPECT_TRUE(resolves_to("2001:db8::2", kPeer));
    auto link = neighbours_->link("eth0");
    ASSERT_TRUE(link);
    Neighbour expected{.interface = link->index,
                       .mac = kPeer,
                       .source_mac = balancer_->mac("eth0"),
                       .mtu = 1500,
                       .source = ip("10.0.0.1")};
    EXPECT_EQ(neighbours_->find(ip("10.0.0.2")), expected);
    expected.source = ip("2001:db8::1");
    EXPECT_EQ(neighbours_->find(ip("2001:db8::2")), expected);
    EXPECT_GT(changes_, 0);
}

TEST_F(NeighboursTest, KnowsTheLinksAndTheirAddresses) {
    auto link = neighbours_->link("eth0");
    ASSERT_TRUE(link);
    EXPECT_TRUE(link->up);
    EXPECT_EQ(link->mac, balancer_->mac("eth0"));
    EXPECT_EQ(link->mtu, 1500u);
    EXPECT_THAT(link->addresses, testing::IsSupersetOf({ip("10.0.0.1"), ip("2001:db8::1")}));
    EXPECT_EQ(neighbours_->link(link->index), link);
    EXPECT_FALSE(neighbours_->link("eth7"));
    balancer_->add_address("eth0", "10.0.5.1/24");
    EXPECT_TRUE(until([&] { return neighbours_->link("eth0")->addresses.back() == ip("10.0.5.1"); }));
    balancer_->remove_address("eth0", "10.0.5.1/24");
    EXPECT_TRUE(until([&] { return neighbours_->link("eth0") == link; }));
}

TEST_F(NeighboursTest, SaysThatABackendDoesNotAnswer) {
    neighbours_->watch({ip("10.0.0.9"), ip("2001:db8::9")});
    EXPECT_EQ(neighbours_->find(ip("10.0.0.9")).error().message, "10.0.0.9 is not resolved yet");
    EXPECT_EQ(reason("10.0.0.9"), "10.0.0.9 does not answer ARP on eth0");
    EXPECT_EQ(reason("2001:db8::9"), "2001:db8::9 does not answer neighbour discovery on eth0");
}

TEST_F(NeighboursTest, FindsABackendThatComesLate) {
    neighbours_->watch({ip("10.0.0.3")});
    EXPECT_EQ(reason("10.0.0.3"), "10.0.0.3 does not answer ARP on eth0");
    peer_->add_address("eth0", "10.0.0.3/24");
    EXPECT_TRUE(resolves_to("10.0.0.3", kPeer));
}

TEST_F(NeighboursTest, FollowsTheMacOfABackend) {
    neighbours_->watch({ip("10.0.0.2"), ip("2001:db8::2")});
    ASSERT_TRUE(resolves_to("10.0.0.2", kPeer));
    ASSERT_TRUE(resolves_to("2001:db8::2", kPeer));
    // A backend whose hardware changes announces itself, when it is told to.
    peer_->sysctl("net.ipv4.conf.eth0.arp_notify", "1");
    peer_->sysctl("net.ipv6.conf.eth0.ndisc_notify", "1");
    peer_->set_mac("eth0", mac("02:00:00:00:00:22"));
    EXPECT_TRUE(resolves_to("10.0.0.2", mac("02:00:00:00:00:22")));
    EXPECT_TRUE(resolves_to("2001:db8::2", mac("02:00:00:00:00:22")));
}

TEST_F(NeighboursTest, KeepsTheMacWhileADeletedEntryIsResolvedAgain) {
    neighbours_->watch({ip("10.0.0.2")});
    ASSERT_TRUE(resolves_to("10.0.0.2", kPeer));
    int interface = neighbours_->link("eth0")->index;
    auto netlink = open_netlink();
    ndmsg header{};
    header.ndm_family = AF_INET;
    header.ndm_ifindex = interface;
    ASSERT_TRUE(netlink.ask(Message(RTM_DELNEIGH, 0, header).put(NDA_DST, ip("10.0.0.2").bytes())));
    ASSERT_FALSE(ask_neighbour(netlink, interface, ip("10.0.0.2")));
    bool kept = true;
    EXPECT_TRUE(until([&] {
        kept = kept && neighbours_->find(ip("10.0.0.2")).has_value();
        auto entry = ask_neighbour(netlink, interface, ip("10.0.0.2"));
        return entry && entry->mac;
    }));
    EXPECT_TRUE(kept);
}

TEST_F(NeighboursTest, FollowsItsOwnMac) {
    neighbours_->watch({ip("10.0.0.2")});
    ASSERT_TRUE(resolves_to("10.0.0.2", kPeer));
    balancer_->set_mac("eth0", mac("02:00:00:00:00:11"));
    EXPECT_TRUE(until([&] {
        auto found = neighbours_->find(ip("10.0.0.2"));
        return found && found->source_mac == mac("02:00:00:00:00:11");
    }));
}

TEST_F(NeighboursTest, SaysThatAnInterfaceIsDownAndComesBackWithIt) {
    neighbours_->watch({ip("10.0.0.2")});
    ASSERT_TRUE(resolves_to("10.0.0.2", kPeer));
    balancer_->set_up("eth0", false);
    EXPECT_EQ(reason("10.0.0.2"), "interface eth0 is down");
    balancer_->set_up("eth0");
    EXPECT_TRUE(resolves_to("10.0.0.2", kPeer));
}

TEST_F(NeighboursTest, SaysThatTheCarrierIsLost) {
    neighbours_->watch({ip("10.0.0.2")});
    ASSERT_TRUE(resolves_to("10.0.0.2", kPeer));
    peer_->set_up("eth0", false);
    EXPECT_EQ(reason("10.0.0.2"), "interface eth0 is down");
    peer_->set_up("eth0");
    EXPECT_TRUE(resolves_to("10.0.0.2", kPeer));
}

TEST_F(NeighboursTest, FollowsRoutes) {
    peer_->add_address("eth0", "10.7.0.2/32");
    neighbours_->watch({ip("10.7.0.2")});
    EXPECT_THAT(reason("10.7.0.2"), HasSubstr("no route to 10.7.0.2"));
    set_route(*balancer_, {"10.7.0.0/24"});
    EXPECT_TRUE(resolves_to("10.7.0.2", kPeer));
    remove_route(*balancer_, {"10.7.0.0/24"});
    EXPECT_THAT(reason("10.7.0.2"), HasSubstr("no route to 10.7.0.2"));
}

TEST_F(NeighboursTest, RefusesWhatIsNotOneOtherMachine) {
    neighbours_->watch({ip("10.0.0.1"), ip("2001:db8::1"), ip("127.0.0.1"), ip("10.0.0.255"), ip("fe80::1"),
                        ip("224.0.0.1")});
    EXPECT_EQ(reason("10.0.0.1"), "10.0.0.1 is an address of this machine");
    EXPECT_EQ(reason("2001:db8::1"), "2001:db8::1 is an address of this machine");
    EXPECT_EQ(reason("127.0.0.1"), "127.0.0.1 is an address of this machine");
    EXPECT_EQ(reason("10.0.0.255"), "10.0.0.255 is a broadcast address");
    EXPECT_THAT(reason("fe80::1"), HasSubstr("link-local"));
    EXPECT_EQ(reason("224.0.0.1"), "224.0.0.1 is not one machine's address");
    EXPECT_EQ(neighbours_->find(ip("10.0.0.2")).error().message, "10.0.0.2 is not watched");
}

TEST_F(NeighboursTest, ForgetsWhatIsNoLongerWatched) {
    neighbours_->watch({ip("10.0.0.2"), ip("10.0.0.1")});
    ASSERT_TRUE(resolves_to("10.0.0.2", kPeer));
    neighbours_->watch({ip("10.0.0.1")});
    EXPECT_EQ(neighbours_->find(ip("10.0.0.2")).error().message, "10.0.0.2 is not watched");
}

TEST_F(NeighboursTest, TellsOfManyChangesInFewCalls) {
    // So that it answers for all of them.
    set_route(*peer_, {.prefix = "10.6.0.0/24", .interfaces = {"lo"}, .type = RTN_LOCAL});
    set_route(*balancer_, {"10.6.0.0/24"});
    std::set<Ip> addresses;
    for (uint8_t i = 1; i <= 200; i++) addresses.insert(Ip::v4({10, 6, 0, i}));
    neighbours_->watch(addresses);
    EXPECT_TRUE(until([&] {
        return std::ranges::all_of(addresses,
                                   [&](const Ip& one) { return neighbours_->find(one).has_value(); });
    }));
    EXPECT_LT(changes_, 50);
    int before = changes_;
    until([] { return false; }, 300ms);
    EXPECT_EQ(changes_, before) << "nothing changed meanwhile";
}

TEST_F(NeighboursTest, LooksAtTenThousandAddressesWithinAFewSeconds) {
    std::set<Ip> addresses;
    for (unsigned i = 0; i < 10000; i++)
        addresses.insert(Ip::v4({172, 16, static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i)}));
    neighbours_->watch(addresses);
    EXPECT_THAT(reason("172.16.0.0"), HasSubstr("no route"));
    EXPECT_THAT(reason("172.16.39.15"), HasSubstr("no route"));
}

TEST_F(NeighboursTest, ReadsEverythingAgainWhenEventsWereLost) {
    neighbours_->watch({ip("10.0.0.2")});
    ASSERT_TRUE(resolves_to("10.0.0.2", kPeer));
    for (int i = 0; i < 3000; i++) {  // more than the socket holds
        balancer_->add_address("lo", "10.99.0.1/32");
        balancer_->remove_address("lo", "10.99.0.1/32");
    }
    balancer_->add_address("eth0", "10.0.5.1/24");
    balancer_->set_mac("eth0", mac("02:00:00:00:00:11"));
    EXPECT_TRUE(until([&] { return neighbours_->link("eth0")->mac == mac("02:00:00:00:00:11"); }));
    EXPECT_THAT(neighbours_->link("eth0")->addresses, testing::Contains(ip("10.0.5.1")));
    EXPECT_TRUE(resolves_to("10.0.0.2", kPeer));
}

}  // namespace
}  // namespace weir::net
