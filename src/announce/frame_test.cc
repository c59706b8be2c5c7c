#include "announce/frame.h"

#include <gtest/gtest.h>

#include "net/checksum.h"

namespace weir::announce {
namespace {

using Bytes = std::vector<uint8_t>;

const net::Mac kMac{{2, 0, 0, 0, 1, 1}};
const auto kVip4 = net::Ip::parse("192.0.2.1").value();
const auto kVip6 = net::Ip::parse("2001:db8::1").value();

Bytes joined(std::initializer_list<Bytes> parts) {
    Bytes all;
    for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
}

const Bytes kArp = {0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 1, 1, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 192, 0, 2, 1};

TEST(Frame, OfAnIpv4AddressIsAnArpRequestForItself) {
    const Bytes link = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 1, 1, 8, 6};
    EXPECT_EQ(announcement(kVip4, kMac, {}), joined({link, kArp}));
}

TEST(Frame, IsTaggedInAVlan) {
    const Bytes link = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 1, 1, 0x81, 0, 1, 10, 8, 6};
    EXPECT_EQ(announcement(kVip4, kMac, 266), joined({link, kArp}));
    auto tagged = announcement(kVip6, kMac, 266), plain = announcement(kVip6, kMac, {});
    plain.insert(plain.begin() + 12, {0x81, 0, 1, 10});
    EXPECT_EQ(tagged, plain);
}

TEST(Frame, OfAnIpv6AddressIsAnAdvertisementToAllNodes) {
    const auto frame = announcement(kVip6, kMac, {});
    const Bytes link = {0x33, 0x33, 0, 0, 0, 1, 2, 0, 0, 0, 1, 1, 0x86, 0xdd};
    const Bytes vip = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    const Bytes all_nodes = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    const Bytes sum = {frame.at(56), frame.at(57)};
    EXPECT_EQ(frame, joined({link,
                             {0x60, 0, 0, 0, 0, 32, 58, 255},
                             vip,
                             all_nodes,  //
                             {136, 0},
                             sum,
                             {0x20, 0, 0, 0},
                             vip,
                             {2, 1, 2, 0, 0, 0, 1, 1}}));
    const Bytes length_and_protocol = {0, 0, 0, 32, 0, 0, 0, 58};
    const auto message = std::span(frame).subspan(54);
    EXPECT_EQ(net::Checksum().add(vip).add(all_nodes).add(length_and_protocol).add(message).value(), 0);
}

}  // namespace
}  // namespace weir::announce
