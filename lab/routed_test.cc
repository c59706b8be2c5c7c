// The routed topology with real traffic, and a balancer's part played by hand. Needs root.
#include "lab/routed.h"

#include <gtest/gtest.h>

#include "lab/envelope.h"
#include "lab/frames.h"
#include "lab/tcp.h"
#include "net/packet.h"

namespace weir::lab {
namespace {

class RoutedTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (const std::string why = why_no_lab(); !why.empty()) GTEST_SKIP() << why;
    }
};

bool reaches(Host& from, Host& to, const std::string& address, Duration limit = 2s) {
    const UniqueFd listener = listen_tcp(to, endpoint("[::]:80"));
    return connect_tcp(from, endpoint(address), limit).has_value();
}

TEST_F(RoutedTest, ClientAndBalancerReachEveryBackend) {
    Routed routed;
    ASSERT_EQ(routed.size(), 3u);
    EXPECT_EQ(routed.address4(0), "10.1.10.10");
    EXPECT_EQ(routed.address4(2), "10.1.20.10");
    for (size_t i = 0; i < routed.size(); ++i)
        for (Host* from : {&routed.client(), &routed.balancer()}) {
            EXPECT_TRUE(reaches(*from, routed.backend(i), routed.address4(i) + ":80")) << i;
            EXPECT_TRUE(reaches(*from, routed.backend(i), fmt::format("[{}]:80", routed.address6(i)))) << i;
        }
}

/// As a balancer does: sends the client's datagram to a backend in a tunnel. Over the gateway or not is the
/// frame's destination.
void send_by_tunnel(Routed& routed, size_t i, Host& over, const net::Endpoint& client,
                    const net::Endpoint& vip) {
    const auto frame = net::build_frame({.source_mac = routed.balancer().mac(Routed::kInterface),
                                         .destination_mac = over.mac(Routed::kInterface),
                                         .source = client,
                                         .destination = vip,
                                         .protocol = net::kUdp,
                                         .payload = 9});
    FrameSocket(routed.balancer(), Routed::kInterface)
        .send(wrap({.source = must(net::Ip::parse(Routed::kBalancer4)),
                    .destination = must(net::Ip::parse(routed.address4(i)))},
                   frame));
}

TEST_F(RoutedTest, WhatATunnelBringsIsAnsweredToTheClientDirectly) {
    Routed routed;
    routed.decapsulate();
    for (const char* family :
         {"10.1.1.2:7777 192.168.101.1:53", "[2001:db8:1::2]:7777 [2001:db8:101::1]:53"}) {
        const std::string_view both = family;
        const net::Endpoint client = endpoint(both.substr(0, both.find(' ')));
        const net::Endpoint vip = endpoint(both.substr(both.find(' ') + 1));
        DatagramSocket asker(routed.client(), client);
        for (size_t i : {0, 2}) {
            DatagramSocket server(routed.backend(i), vip);
            send_by_tunnel(routed, i, i == 2 ? routed.gateway() : routed.backend(i), client, vip);
            const std::optional<Datagram> question = server.receive();
            ASSERT_TRUE(question) << i;
            ASSERT_EQ(question->source, client);
            server.send(client, question->payload);
            const std::optional<Datagram> answer = asker.receive();
            ASSERT_TRUE(answer) << i;
            EXPECT_EQ(answer->source, vip);
        }
    }
    EXPECT_EQ(routed.decap(0).counts(), (DecapCounts{.ipip = 2}));
    EXPECT_EQ(routed.decap(2).counts(), (DecapCounts{.ipip = 2}));
    EXPECT_EQ(routed.decap(2).last().at(0).ttl, 63) << "the gateway took one";
}

TEST_F(RoutedTest, WithNatTheBackendsWayOutIsTheBalancer) {
    Routed routed({.nat = true});
    for (size_t i : {0, 2}) {
        EXPECT_FALSE(reaches(routed.backend(i), routed.client(), "10.1.1.2:80", 200ms));
        EXPECT_FALSE(reaches(routed.backend(i), routed.client(), "[2001:db8:1::2]:80", 200ms));
    }
    routed.balancer().forward_packets();
    for (size_t i : {0, 2}) {
        EXPECT_TRUE(reaches(routed.backend(i), routed.client(), "10.1.1.2:80"));
        EXPECT_TRUE(reaches(routed.backend(i), routed.client(), "[2001:db8:1::2]:80"));
    }
}

}  // namespace
}  // namespace weir::lab
