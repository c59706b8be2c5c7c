#include "net/neighbours.h"

#include <gmock/gmock.h>
#include <linux/if_ether.h>
#include <linux/rtnetlink.h>

namespace weir::net {
namespace {

using testing::HasSubstr;

const Mac kOwn{{2, 0, 0, 0, 0, 1}};
const Mac kTagged{{2, 0, 0, 0, 0, 5}};
const Mac kOther{{2, 0, 0, 0, 0, 2}};
const Ip kBackend = Ip::v4({10, 0, 0, 2});
const Ip kGateway = Ip::v4({10, 0, 0, 254});
const Answer kKnown = Result<Mac>(kOther);

/// eth0, a VLAN on it, and a VLAN on that.
Links links() {
    Links links;
    links[1] = {.index = 1, .name = "eth0", .mac = kOwn, .up = true, .mtu = 9000};
    links[2] = {.index = 2,
                .name = "eth0.5",
                .mac = kTagged,
                .up = true,
                .mtu = 1500,
                .vlan = 5,
                .vlan_protocol = ETH_P_8021Q,
                .parent = 1};
    links[3] = links[2];
    links[3].name = "eth0.5.7";
    links[3].parent = 2;
    return links;
}

Route route(int interface) {
    return {.interface = interface, .type = RTN_UNICAST};
}

TEST(Follow, LeavesByTheInterfaceOfTheRoute) {
    auto way = route(1);
    way.source = Ip::v4({10, 0, 0, 1});
    Neighbour expected{
        .interface = 1, .mac = kOther, .source_mac = kOwn, .mtu = 9000, .source = Ip::v4({10, 0, 0, 1})};
    EXPECT_EQ(follow(way, kBackend, links(), kKnown), expected);
}

TEST(Follow, LeavesAVlanByTheInterfaceBelowIt) {
    Neighbour expected{.interface = 1, .mac = kOther, .source_mac = kTagged, .vlan = 5, .mtu = 1500};
    EXPECT_EQ(follow(route(2), kBackend, links(), kKnown), expected);
}

TEST(Follow, TakesTheSmallerMtuOfRouteAndInterface) {
    auto way = route(1);
    way.mtu = 1400;
    EXPECT_EQ(follow(way, kBackend, links(), kKnown)->mtu, 1400u);
    way.mtu = 9001;
    EXPECT_EQ(follow(way, kBackend, links(), kKnown)->mtu, 9000u) << "a frame cannot be larger";
}

TEST(Follow, NamesTheGateway) {
    auto way = route(1);
    way.gateway = kGateway;
    EXPECT_EQ(follow(way, kBackend, links(), kKnown)->gateway, kGateway);
    EXPECT_EQ(follow(way, kBackend, links(), std::nullopt).error().message,
              "10.0.0.2 is behind the gateway 10.0.0.254: 10.0.0.254 is not resolved yet");
    Answer none = Result<Mac>(fail("nobody there"));
    EXPECT_EQ(follow(way, kBackend, links(), none).error().message,
              "10.0.0.2 is behind the gateway 10.0.0.254: nobody there");
}

TEST(Follow, RefusesQinQ) {
    const std::string why = "10.0.0.2 is behind eth0.5.7, which is QinQ";
    EXPECT_THAT(follow(route(3), kBackend, links(), kKnown).error().message, HasSubstr(why));
    auto service_tag = links();
    service_tag[2].vlan_protocol = ETH_P_8021AD;
    EXPECT_THAT(follow(route(2), kBackend, service_tag, kKnown).error().message, HasSubstr("QinQ"));
}

TEST(Follow, SaysWhatIsWrongWithTheInterface) {
    auto why = [](const Links& with, int interface) {
        return follow(route(interface), kBackend, with, kKnown).error().message;
    };
    EXPECT_EQ(why(links(), 9), "the interface towards 10.0.0.2 has gone");
    auto broken = links();
    broken[1].up = false;
    EXPECT_EQ(why(broken, 1), "interface eth0 is down");
    EXPECT_EQ(why(broken, 2), "interface eth0 is down");
    broken[2].up = false;
    EXPECT_EQ(why(broken, 2), "interface eth0.5 is down");
    auto odd = links();
    odd[1].mac = {};
    EXPECT_EQ(why(odd, 1), "10.0.0.2 is behind eth0, which is not Ethernet");
    odd[2].parent = 0;
    EXPECT_THAT(why(odd, 2), HasSubstr("another network namespace"));
}

}  // namespace
}  // namespace weir::net
