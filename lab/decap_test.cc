// The decapsulator, fed with packets made by hand: what is right reaches a socket on the VIP, what is wrong
// is counted. Needs root.
#include "lab/decap.h"

#include <gtest/gtest.h>

#include "lab/envelope.h"
#include "lab/frames.h"
#include "lab/lab.h"
#include "lab/tcp.h"
#include "net/checksum.h"
#include "net/packet.h"

namespace weir::lab {
namespace {

constexpr uint8_t kDscp = 11;
constexpr size_t kPayload = 1001;  // odd, and more than one piece of what the program sums up

/// A sender and a backend with the VIPs, on one cable.
class DecapTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (const std::string why = why_no_lab(); !why.empty()) GTEST_SKIP() << why;
        lab_.emplace("decap");
        lab_->connect(sender(), "eth0", backend(), "eth0");
        backend().add_address("eth0", "10.1.10.10/24");
        backend().add_address("eth0", "2001:db8:10::10/64");
        backend().add_address("lo", "192.168.101.1/32");
        backend().add_address("lo", "2001:db8:101::1/128");
        backend().add_route("default", "10.1.10.1");
        backend().add_route("default", "2001:db8:10::1");
        frames_.emplace(sender(), "eth0");
        vip4_.emplace(backend(), endpoint("192.168.101.1:53"));
        vip6_.emplace(backend(), endpoint("[2001:db8:101::1]:53"));
        start();
    }

    void start() {
        decap_.emplace(backend(), "eth0",
                       DecapOptions{.dscp = {{kDscp, {vip(true).address, vip(false).address}}}});
    }

    Host& sender() { return lab_->host("sender"); }
    Host& backend() { return lab_->host("backend"); }
    Decap& decap() { return *decap_; }
    FrameSocket& frames() { return *frames_; }

    static net::Endpoint client(bool v4) { return endpoint(v4 ? "10.9.0.7:7777" : "[2001:db8:9::7]:7777"); }
    static net::Endpoint vip(bool v4) { return endpoint(v4 ? "192.168.101.1:53" : "[2001:db8:101::1]:53"); }
    static net::Ip own(bool v4) { return endpoint(v4 ? "10.1.10.10:1" : "[2001:db8:10::10]:1").address; }
    static net::Ip balancer(bool v4) {
        return endpoint(v4 ? "10.1.10.100:1" : "[2001:db8:10::100]:1").address;
    }

    std::vector<uint8_t> datagram(const net::Endpoint& to, size_t payload = kPayload) {
        return net::build_frame({.source_mac = sender().mac("eth0"),
                                 .destination_mac = backend().mac("eth0"),
                                 .source = client(to.address.is_v4()),
                                 .destination = to,
                                 .protocol = net::kUdp,
                                 .payload = payload});
    }
    static Envelope to_backend(Wrapping wrapping, bool v4 = true) {
        Envelope envelope{.wrapping = wrapping, .source = balancer(v4), .destination = own(v4)};
        if (wrapping == Wrapping::gue || wrapping == Wrapping::gue_direct) envelope.port = net::Port(6080);
        return envelope;
    }
    void send(const Envelope& envelope, bool inner_v4 = true) {
        frames().send(wrap(envelope, datagram(vip(inner_v4))));
    }

    /// That the datagram with this payload is the next that the VIP gets.
    void expect_at_vip(bool v4, size_t payload = kPayload) {
        std::optional<Datagram> got = (v4 ? vip4_ : vip6_)->receive();
        ASSERT_TRUE(got) << "nothing came; bad: " << decap().counts().bad();
        EXPECT_EQ(got->source, client(v4));
        std::vector<uint8_t> wanted(payload);
        for (size_t i = 0; i < payload; ++i) wanted[i] = static_cast<uint8_t>(i);
        EXPECT_EQ(got->payload, wanted);
    }
    /// The same for a small one that is right: whatever was sent before did not arrive.
    void expect_only_what_is_right() {
        frames().send(wrap(to_backend(Wrapping::ipip), datagram(vip(true), 8)));
        expect_at_vip(true, 8);
        EXPECT_EQ(decap().counts().good(), 1u);
    }

  private:
    std::optional<Lab> lab_;
    std::optional<Decap> decap_;
    std::optional<FrameSocket> frames_;
    std::optional<DatagramSocket> vip4_;
    std::optional<DatagramSocket> vip6_;

  protected:
    void stop() { decap_.reset(); }
    bool nothing_at_vip() { return !vip4_->receive(200ms); }
};

struct Family {
    bool outer_v4;
    bool inner_v4;
};
constexpr Family kPairs[] = {{true, true}, {true, false}, {false, true}, {false, false}};

TEST_F(DecapTest, EachMethodReachesTheVipInEachPairOfFamilies) {
    size_t sent = 0;
    for (Wrapping wrapping :
         {Wrapping::ipip, Wrapping::gre, Wrapping::fou, Wrapping::gue, Wrapping::gue_direct}) {
        for (const Family& family : kPairs) {
            SCOPED_TRACE(fmt::format("wrapping {}, IPv{} in IPv{}", static_cast<int>(wrapping),
                                     family.inner_v4 ? 4 : 6, family.outer_v4 ? 4 : 6));
            send(to_backend(wrapping, family.outer_v4), family.inner_v4);
            expect_at_vip(family.inner_v4);
            EXPECT_EQ(decap().counts().good(), ++sent);
        }
    }
    EXPECT_EQ(decap().counts(), (DecapCounts{.ipip = 4, .gre = 4, .fou = 4, .gue = 8}));
}

TEST_F(DecapTest, TheOuterHeadersAreRemembered) {
    Envelope gre = to_backend(Wrapping::gre);
    gre.gre_key = 0xdeadbeef;
    gre.tos = 0xb9;
    gre.ttl = 17;
    send(gre);
    Envelope fou = to_backend(Wrapping::fou, false);
    fou.source_port = net::Port(51515);
    fou.tos = 2;
    send(fou);
    expect_at_vip(true);
    expect_at_vip(true);
    const std::vector<Outer> last = decap().last();
    ASSERT_EQ(last.size(), 2u);
    EXPECT_EQ(last[0].source, balancer(true));
    EXPECT_EQ(last[0].destination, own(true));
    EXPECT_EQ(last[0].gre_key, 0xdeadbeef);
    EXPECT_EQ(last[0].tos, 0xb9);
    EXPECT_EQ(last[0].ttl, 17);
    EXPECT_EQ(last[0].size, 28u);
    EXPECT_EQ(last[1].source, balancer(false));
    EXPECT_EQ(last[1].source_port, 51515);
    EXPECT_EQ(last[1].tos, 2);
    EXPECT_EQ(last[1].size, 48u);
    EXPECT_FALSE(last[1].gre_key);
}

TEST_F(DecapTest, OptionalPartsOfGreAndGueAreSkipped) {
    Envelope gre = to_backend(Wrapping::gre);
    gre.gre_key = 1;
    gre.gre_sequence = 2;
    gre.gre_checksum = true;
    send(gre);
    expect_at_vip(true);
    Envelope gue = to_backend(Wrapping::gue);
    gue.gue_words = 31;
    send(gue);
    expect_at_vip(true);
    EXPECT_EQ(decap().last().back().size, 20u + 8 + 4 + 31 * 4);
    Envelope plain = to_backend(Wrapping::fou, false);
    plain.udp_checksum = false;
    send(plain);
    expect_at_vip(true);
    EXPECT_EQ(decap().counts(), (DecapCounts{.gre = 1, .fou = 1, .gue = 1, .plain_udp = 1}));
}

TEST_F(DecapTest, WrongChecksumsAreCountedAndDropped) {
    auto ipv4 = wrap(to_backend(Wrapping::ipip), datagram(vip(true)));
    ipv4[14 + 8] ^= 1;  // the TTL
    frames().send(ipv4);
    auto udp4 = wrap(to_backend(Wrapping::fou), datagram(vip(true)));
    udp4.back() ^= 1;
    frames().send(udp4);
    auto udp6 = wrap(to_backend(Wrapping::gue, false), datagram(vip(true)));
    udp6[14 + 40 + 1] ^= 1;  // the source port
    frames().send(udp6);
    Envelope summed = to_backend(Wrapping::gre);
    summed.gre_checksum = true;
    auto gre = wrap(summed, datagram(vip(true)));
    gre.back() ^= 1;
    frames().send(gre);
    expect_only_what_is_right();
    EXPECT_EQ(decap().counts(), (DecapCounts{.ipip = 1, .bad_checksum = 4}));
}

TEST_F(DecapTest, HeadersThatContradictEachOtherAreCountedAndDropped) {
    auto longer = wrap(to_backend(Wrapping::ipip, false), datagram(vip(true)));
    ++longer[14 + 5];  // says more than the frame has
    frames().send(longer);
    auto shorter = wrap(to_backend(Wrapping::ipip, false), datagram(vip(true)));
    --shorter[14 + 5];  // ends before the inner packet does
    frames().send(shorter);
    auto protocol = wrap(to_backend(Wrapping::ipip, false), datagram(vip(true)));
    protocol[14 + 6] = 41;  // IPv6, but there is IPv4
    frames().send(protocol);
    auto routing = wrap(to_backend(Wrapping::gre), datagram(vip(true)));
    routing[14 + 20] |= 0x40;  // a bit of RFC 1701
    frames().send(routing);
    auto control = wrap(to_backend(Wrapping::gue, false), datagram(vip(true)));
    control[14 + 40 + 6] = control[14 + 40 + 7] = 0;
    control[14 + 40 + 8] |= 0x20;
    frames().send(control);
    expect_only_what_is_right();
    EXPECT_EQ(decap().counts(), (DecapCounts{.ipip = 1, .malformed = 5}));
}

TEST_F(DecapTest, PaddingBehindAShortPacketIsNoneOfIt) {
    auto frame = wrap(to_backend(Wrapping::ipip), datagram(vip(true), 0));
    frame.resize(frame.size() + 7, 0xff);
    frames().send(frame);
    expect_at_vip(true, 0);
}

TEST_F(DecapTest, WhatIsNotForTheHostOrNotATunnelIsLeftAlone) {
    Envelope elsewhere = to_backend(Wrapping::ipip);
    elsewhere.destination = balancer(true);
    send(elsewhere);
    DatagramSocket plain(backend(), {own(true), net::Port(53)});
    frames().send(datagram({own(true), net::Port(53)}));
    EXPECT_TRUE(plain.receive());
    EXPECT_EQ(decap().counts(), DecapCounts{});
}

/// The frame with this DSCP, and its IPv4 checksum right again.
std::vector<uint8_t> marked(std::vector<uint8_t> frame, uint8_t dscp) {
    if (frame[14] >> 4 == 6) {
        frame[14] = static_cast<uint8_t>(0x60 | dscp >> 2);
        frame[15] = static_cast<uint8_t>(dscp << 6);
        return frame;
    }
    frame[15] = static_cast<uint8_t>(dscp << 2);
    frame[24] = frame[25] = 0;
    const uint16_t sum = net::Checksum().add(std::span(frame).subspan(14, 20)).value();
    frame[24] = static_cast<uint8_t>(sum >> 8);
    frame[25] = static_cast<uint8_t>(sum);
    return frame;
}

TEST_F(DecapTest, ADscpLeadsToItsVip) {
    for (bool v4 : {true, false}) {
        frames().send(marked(datagram({own(v4), net::Port(53)}), kDscp));
        expect_at_vip(v4);
    }
    EXPECT_EQ(decap().counts(), (DecapCounts{.dscp = 2}));
    DatagramSocket plain(backend(), {own(true), net::Port(53)});
    frames().send(marked(datagram({own(true), net::Port(53)}), kDscp + 1));
    EXPECT_TRUE(plain.receive()) << "another DSCP means nothing";
    EXPECT_EQ(decap().counts(), (DecapCounts{.dscp = 2}));
}

TEST_F(DecapTest, TheSpreadOfTheSourcesIsSeen) {
    for (uint16_t port = 40000; port < 40010; ++port) {
        Envelope envelope = to_backend(Wrapping::gue);
        envelope.source_port = net::Port(port);
        send(envelope);
        send(envelope);
        expect_at_vip(true);
        expect_at_vip(true);
    }
    EXPECT_EQ(decap().sources(), 10u);
    EXPECT_EQ(decap().last().size(), 20u);
}

TEST_F(DecapTest, ItGoesWithItsObject) {
    stop();
    send(to_backend(Wrapping::ipip));
    EXPECT_TRUE(nothing_at_vip());
    start();
    send(to_backend(Wrapping::ipip));
    expect_at_vip(true);
}

}  // namespace
}  // namespace weir::lab
