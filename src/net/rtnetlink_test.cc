#include "net/rtnetlink.h"

#include <gmock/gmock.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>

#include <cstring>

namespace weir::net {
namespace {

const std::vector<uint8_t> kMac = {2, 0, 0, 0, 0, 1};
const std::vector<uint8_t> kBackend = {10, 0, 0, 2};
const std::vector<uint8_t> kName = {'e', 't', 'h', '0', 0};

Ip ip(const std::string& text) {
    return Ip::parse(text).value();
}
const nlmsghdr& header_of(const Message& message) {
    return *nlmsg_hdr(message.get());
}

Message link_message(uint8_t family, unsigned flags, uint16_t type = ARPHRD_ETHER) {
    ifinfomsg header{.ifi_family = family, .ifi_type = type, .ifi_index = 7, .ifi_flags = flags};
    Message message(RTM_NEWLINK, 0, header);
    message.put(IFLA_IFNAME, kName).put(IFLA_ADDRESS, kMac).put(IFLA_MTU, 9000);
    return message;
}

/// An attribute's bytes, for putting one into another.
std::vector<uint8_t> attribute(uint16_t type, std::vector<uint8_t> value) {
    const auto size = static_cast<uint8_t>(4 + value.size());
    std::vector<uint8_t> out = {size, 0, static_cast<uint8_t>(type), static_cast<uint8_t>(type >> 8)};
    out.insert(out.end(), value.begin(), value.end());
    out.resize((out.size() + 3) / 4 * 4);
    return out;
}

std::vector<uint8_t> operator+(std::vector<uint8_t> one, const std::vector<uint8_t>& other) {
    one.insert(one.end(), other.begin(), other.end());
    return one;
}

Message vlan_message(uint8_t id, std::vector<uint8_t> protocol,
                     std::vector<uint8_t> kind = {'v', 'l', 'a', 'n', 0}) {
    auto data = attribute(IFLA_VLAN_PROTOCOL, std::move(protocol)) + attribute(IFLA_VLAN_ID, {id, 1}) +
                attribute(IFLA_VLAN_FLAGS, {1, 0, 0, 0, 255, 255, 255, 255});
    auto message = link_message(AF_UNSPEC, IFF_UP | IFF_RUNNING);
    message.put(IFLA_LINK, 3);
    message.put(IFLA_LINKINFO, attribute(IFLA_INFO_KIND, std::move(kind)) + attribute(IFLA_INFO_DATA, data));
    return message;
}

Message neighbour_message(uint16_t kind, uint16_t state, uint8_t flags = 0) {
    ndmsg header{};
    header.ndm_family = AF_INET;
    header.ndm_ifindex = 7;
    header.ndm_state = state;
    header.ndm_flags = flags;
    Message message(kind, 0, header);
    message.put(NDA_DST, kBackend).put(NDA_LLADDR, kMac);
    return message;
}

TEST(Rtnetlink, ReadsALink) {
    auto link = decode_link(header_of(link_message(AF_UNSPEC, IFF_UP | IFF_RUNNING)));
    ASSERT_TRUE(link);
    Link expected{.index = 7, .name = "eth0", .mac = Mac{{2, 0, 0, 0, 0, 1}}, .up = true, .mtu = 9000};
    EXPECT_EQ(*link, expected);
    EXPECT_FALSE(decode_link(header_of(link_message(AF_UNSPEC, IFF_UP)))->up) << "no carrier";
    EXPECT_FALSE(decode_link(header_of(link_message(AF_UNSPEC, IFF_RUNNING)))->up);
}

TEST(Rtnetlink, GivesNoMacOfWhatIsNotEthernet) {
    EXPECT_EQ(decode_link(header_of(link_message(AF_UNSPEC, IFF_UP, ARPHRD_LOOPBACK)))->mac, Mac{});
}

TEST(Rtnetlink, LeavesOutWhatABridgeTellsOfItsPorts) {
    EXPECT_FALSE(decode_link(header_of(link_message(AF_BRIDGE, IFF_UP))));
}

TEST(Rtnetlink, ReadsWhatALinkIsAPortOf) {
    auto message = link_message(AF_UNSPEC, IFF_UP);
    message.put(IFLA_MASTER, 4);
    EXPECT_EQ(decode_link(header_of(message))->master, 4);
}

TEST(Rtnetlink, ReadsALinkThatHasGone) {
    ifinfomsg header{.ifi_index = 7};
    auto link = decode_link(header_of(Message(RTM_DELLINK, 0, header)));
    ASSERT_TRUE(link);
    EXPECT_EQ(*link, Link{.index = 7});
}

TEST(Rtnetlink, ReadsAVlanDevice) {
    auto link = decode_link(header_of(vlan_message(5, {0x81, 0x00})));
    ASSERT_TRUE(link);
    EXPECT_EQ(link->vlan, 0x105);
    EXPECT_EQ(link->vlan_protocol, ETH_P_8021Q);
    EXPECT_EQ(link->parent, 3);
    EXPECT_EQ(link->mtu, 9000u);
    EXPECT_EQ(decode_link(header_of(vlan_message(5, {0x88, 0xa8})))->vlan_protocol, ETH_P_8021AD);
}

TEST(Rtnetlink, TakesTheOtherEndOfAVethForNoParent) {
    auto link = decode_link(header_of(vlan_message(5, {0x81, 0x00}, {'v', 'e', 't', 'h', 0})));
    EXPECT_FALSE(link->vlan);
    EXPECT_EQ(link->parent, 0);
}

TEST(Rtnetlink, GivesNoParentOfAVlanFromAnotherNamespace) {
    auto message = vlan_message(5, {0x81, 0x00});
    message.put(IFLA_LINK_NETNSID, 0);
    auto link = decode_link(header_of(message));
    EXPECT_EQ(link->vlan, 0x105);
    EXPECT_EQ(link->parent, 0);
}

TEST(Rtnetlink, TakesTheMacOfANeighbourByItsState) {
    for (uint16_t state : {NUD_REACHABLE, NUD_STALE, NUD_DELAY, NUD_PROBE, NUD_PERMANENT, NUD_NOARP})
        EXPECT_TRUE(decode_neighbour(header_of(neighbour_message(RTM_NEWNEIGH, state)))->mac) << state;
    for (uint16_t state : {NUD_NONE, NUD_INCOMPLETE, NUD_FAILED}) {
        auto neighbour = decode_neighbour(header_of(neighbour_message(RTM_NEWNEIGH, state)));
        EXPECT_FALSE(neighbour->mac) << state;
        EXPECT_EQ(neighbour->failed, state == NUD_FAILED);
        EXPECT_FALSE(neighbour->gone);
    }
    auto gone = decode_neighbour(header_of(neighbour_message(RTM_DELNEIGH, NUD_REACHABLE)));
    EXPECT_TRUE(gone->gone);
    EXPECT_FALSE(gone->mac);
    EXPECT_EQ(gone->address, ip("10.0.0.2"));
    EXPECT_FALSE(decode_neighbour(header_of(neighbour_message(RTM_NEWNEIGH, NUD_PERMANENT, NTF_PROXY))));
}

TEST(Rtnetlink, TakesTheNearEndOfAPointToPointAddress) {
    ifaddrmsg header{};
    header.ifa_family = AF_INET;
    header.ifa_index = 7;
    Message message(RTM_NEWADDR, 0, header);
    message.put(IFA_ADDRESS, std::vector<uint8_t>{10, 0, 0, 9}).put(IFA_LOCAL, kBackend);
    EXPECT_EQ(decode_address(header_of(message))->address, ip("10.0.0.2"));
    EXPECT_TRUE(decode_address(header_of(message))->usable);
    message.put(IFA_FLAGS, IFA_F_TENTATIVE | IFA_F_PERMANENT);
    EXPECT_FALSE(decode_address(header_of(message))->usable) << "duplicate detection is not over";
}

TEST(Rtnetlink, ReadsAGatewayOfEitherFamily) {
    rtmsg header{};
    header.rtm_family = AF_INET;
    header.rtm_type = RTN_UNICAST;
    Message plain(RTM_NEWROUTE, 0, header);
    plain.put(RTA_OIF, 7);
    EXPECT_EQ(decode_route(header_of(plain))->interface, 7);
    EXPECT_FALSE(decode_route(header_of(plain))->gateway);
    plain.put(RTA_GATEWAY, kBackend);
    EXPECT_EQ(decode_route(header_of(plain))->gateway, ip("10.0.0.2"));

    Message other(RTM_NEWROUTE, 0, header);
    std::vector<uint8_t> via(sizeof(rtvia));
    const uint16_t family = AF_INET6;
    std::memcpy(via.data(), &family, sizeof family);
    auto address = ip("2001:db8::2");
    via.insert(via.end(), address.bytes().begin(), address.bytes().end());
    other.put(RTA_VIA, via);
    EXPECT_EQ(decode_route(header_of(other))->gateway, address);
}

TEST(Rtnetlink, ReadsTheMtuAndTheSourceOfARoute) {
    rtmsg header{};
    header.rtm_family = AF_INET;
    Message plain(RTM_NEWROUTE, 0, header);
    EXPECT_EQ(decode_route(header_of(plain))->mtu, 0u);
    EXPECT_FALSE(decode_route(header_of(plain))->source);
    plain.put(RTA_METRICS, attribute(RTAX_HOPLIMIT, {64, 0, 0, 0}) + attribute(RTAX_MTU, {0x78, 5, 0, 0}));
    plain.put(RTA_PREFSRC, kBackend);
    EXPECT_EQ(decode_route(header_of(plain))->mtu, 1400u);
    EXPECT_EQ(decode_route(header_of(plain))->source, ip("10.0.0.2"));
}

TEST(Rtnetlink, ReadsWhereARouteLeads) {
    rtmsg header{};
    header.rtm_family = AF_INET;
    header.rtm_dst_len = 24;
    Message message(RTM_DELROUTE, 0, header);
    message.put(RTA_DST, std::vector<uint8_t>{10, 0, 0, 0});
    EXPECT_EQ(decode_destination(header_of(message)), Prefix::parse("10.0.0.0/24").value());
    header.rtm_family = AF_INET6;
    header.rtm_dst_len = 0;
    EXPECT_EQ(decode_destination(header_of(Message(RTM_NEWROUTE, 0, header))), Prefix::parse("::/0").value());
    header.rtm_family = RTNL_FAMILY_IPMR;
    EXPECT_FALSE(decode_destination(header_of(Message(RTM_NEWROUTE, 0, header))));
}

TEST(Rtnetlink, ReadsNothingBehindTheEndOfAMessage) {
    for (const auto& whole : {vlan_message(5, {0x81, 0x00}), neighbour_message(RTM_NEWNEIGH, NUD_STALE)}) {
        const auto& header = header_of(whole);
        for (uint32_t size = sizeof(nlmsghdr); size < header.nlmsg_len; size++) {
            std::unique_ptr<uint8_t[]> copy(new uint8_t[size]);  // the sanitizer sees a read behind it
            std::memcpy(copy.get(), &header, size);
            std::memcpy(copy.get(), &size, sizeof size);
            const auto& cut = *reinterpret_cast<const nlmsghdr*>(copy.get());
            auto link = decode_link(cut);
            EXPECT_TRUE(!link || link->name == "eth0");
            auto neighbour = decode_neighbour(cut);
            EXPECT_TRUE(!neighbour || neighbour->address == ip("10.0.0.2"));
        }
    }
}

}  // namespace
}  // namespace weir::net
