// VLANs by tc programs: hosts reach each other in their VLAN only, and the tags are really in the frames.
// Needs root.
#include "lab/vlan.h"

#include <gtest/gtest.h>

#include "lab/frames.h"
#include "lab/lab.h"
#include "lab/tcp.h"
#include "net/packet.h"

namespace weir::lab {
namespace {

net::Prefix prefix(const char* text) {
    return must(net::Prefix::parse(text));
}

/// One switch; a trunk with VLANs 10 and 20 behind which are a host each: number 10 or 20 in 10.1.N.0/24.
class VlanTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (const std::string why = why_no_lab(); !why.empty()) GTEST_SKIP() << why;
        lab_.emplace("vlan");
        lab_->lan("switch", {&trunk(), &ten(), &twenty()}, "eth0", {.xdp_pass = true});
        for (int id : {10, 20}) {
            add(trunk(), id, 1);
            add(id == 10 ? ten() : twenty(), id, 2);
        }
        tag_trunk({.vlans = {{10, {prefix("10.1.10.0/24"), prefix("2001:db8:10::/64")}},
                             {20, {prefix("10.1.20.0/24"), prefix("2001:db8:20::/64")}}}});
        ten_.emplace(ten(), "eth0", VlanOptions::access(10));
        twenty_.emplace(twenty(), "eth0", VlanOptions::access(20));
    }

    static void add(Host& host, int id, int number) {
        host.add_address("eth0", fmt::format("10.1.{}.{}/24", id, number));
        host.add_address("eth0", fmt::format("2001:db8:{}::{}/64", id, number));
    }
    void tag_trunk(const VlanOptions& options) {
        trunk_.reset();
        trunk_.emplace(trunk(), "eth0", options);
    }

    Host& trunk() { return lab_->host("trunk"); }
    Host& ten() { return lab_->host("ten"); }
    Host& twenty() { return lab_->host("twenty"); }

    static bool reaches(Host& from, Host& to, const std::string& address, Duration limit = 1s) {
        const UniqueFd listener = listen_tcp(to, endpoint("[::]:80"));
        return connect_tcp(from, endpoint(address), limit).has_value();
    }

    std::optional<Lab> lab_;
    std::optional<Vlan> trunk_;
    std::optional<Vlan> ten_;
    std::optional<Vlan> twenty_;
};

TEST_F(VlanTest, TheTrunkReachesAndIsReachedInEachVlan) {
    EXPECT_TRUE(reaches(trunk(), ten(), "10.1.10.2:80"));
    EXPECT_TRUE(reaches(trunk(), ten(), "[2001:db8:10::2]:80"));
    EXPECT_TRUE(reaches(trunk(), twenty(), "10.1.20.2:80"));
    EXPECT_TRUE(reaches(trunk(), twenty(), "[2001:db8:20::2]:80"));
    EXPECT_TRUE(reaches(ten(), trunk(), "10.1.10.1:80"));
    EXPECT_TRUE(reaches(twenty(), trunk(), "[2001:db8:20::1]:80"));
    EXPECT_GT(trunk_->sent(10), 0u);
    EXPECT_GT(trunk_->sent(20), 0u);
    EXPECT_GT(trunk_->received(10), 0u);
    EXPECT_GT(trunk_->received(20), 0u);
    EXPECT_EQ(ten_->received(20), 0u);
}

TEST_F(VlanTest, VlansAreApart) {
    twenty().add_address("eth0", "10.1.10.3/24");  // the same subnet in another VLAN
    EXPECT_FALSE(reaches(ten(), twenty(), "10.1.10.3:80", 200ms));
    EXPECT_GT(twenty_->dropped(), 0u) << "its ARP request came";
    EXPECT_TRUE(reaches(ten(), trunk(), "10.1.10.1:80"));
}

TEST_F(VlanTest, NativeXdpSeesTheTagsInTheFrames) {
    TagWatch at_ten(ten(), "eth0");
    TagWatch at_trunk(trunk(), "eth0");
    EXPECT_TRUE(reaches(trunk(), ten(), "10.1.10.2:80"));
    EXPECT_TRUE(wait_until([&] { return at_ten.seen(10) == ten_->received(10); }, 2s)) << "every one of them";
    EXPECT_GT(at_ten.seen(10), 0u);
    EXPECT_GT(at_trunk.seen(10), 0u);
}

TEST_F(VlanTest, AFrameWithATagByHandIsTakenByItsVlanOnly) {
    DatagramSocket server(ten(), endpoint("10.1.10.2:53"));
    FrameSocket frames(trunk(), "eth0");
    net::PacketSpec spec{.source_mac = trunk().mac("eth0"),
                         .destination_mac = ten().mac("eth0"),
                         .vlan = 20,
                         .source = endpoint("10.1.10.1:7777"),
                         .destination = endpoint("10.1.10.2:53"),
                         .protocol = net::kUdp,
                         .payload = 20};
    frames.send(net::build_frame(spec));
    spec.vlan = 10;
    spec.payload = 10;
    frames.send(net::build_frame(spec));
    const std::optional<Datagram> first = server.receive();
    ASSERT_TRUE(first);
    EXPECT_EQ(first->payload.size(), 10u);
}

TEST_F(VlanTest, WhatIsInNoVlanStaysUntaggedWhereThatIsAllowed) {
    ten_.reset();
    tag_trunk({.vlans = {{20, {prefix("10.1.20.0/24")}}}, .untagged = true});
    EXPECT_TRUE(reaches(trunk(), ten(), "10.1.10.2:80"));
    EXPECT_TRUE(reaches(trunk(), twenty(), "10.1.20.2:80"));
    tag_trunk({.vlans = {{20, {prefix("10.1.20.0/24")}}}});
    EXPECT_FALSE(reaches(trunk(), ten(), "10.1.10.2:80", 200ms));
    EXPECT_GT(trunk_->dropped(), 0u);
}

TEST_F(VlanTest, ALongerPrefixWins) {
    trunk().add_route("10.2.0.0/16", "10.1.20.2");
    twenty().add_address("lo", "10.2.3.4/32");
    tag_trunk(
        {.vlans = {{10, {prefix("0.0.0.0/0")}}, {20, {prefix("10.1.20.0/24"), prefix("10.2.3.0/24")}}}});
    EXPECT_TRUE(reaches(trunk(), ten(), "10.1.10.2:80"));
    EXPECT_TRUE(reaches(trunk(), twenty(), "10.2.3.4:80"));
}

}  // namespace
}  // namespace weir::lab
