#include "net/packet.h"

#include <gmock/gmock.h>

#include <memory>

#include "net/checksum.h"

namespace weir::net {
namespace {

using testing::HasSubstr;
using Frame = std::vector<uint8_t>;

const Mac kSource{{2, 0, 0, 0, 0, 1}};
const Mac kDestination{{2, 0, 0, 0, 0, 2}};

Endpoint endpoint(const std::string& text) {
    return Endpoint::parse(text).value();
}

PacketSpec tcp_v4() {
    return {.source_mac = kSource,
            .destination_mac = kDestination,
            .source = endpoint("192.0.2.1:12345"),
            .destination = endpoint("198.51.100.7:80")};
}

PacketSpec udp_v6() {
    return {.source_mac = kSource,
            .destination_mac = kDestination,
            .vlan = 100,
            .source = endpoint("[2001:db8::1]:5353"),
            .destination = endpoint("[2001:db8:1::7]:53"),
            .protocol = kUdp,
            .ttl = 9,
            .tcp_flags = 0,
            .payload = 5};
}

/// Every kind of packet that the builder makes.
std::vector<PacketSpec> kinds() {
    std::vector<PacketSpec> out;
    for (auto spec : {tcp_v4(), udp_v6()})
        for (uint8_t protocol : {kTcp, kUdp})
            for (auto vlan : {std::optional<uint16_t>(), std::optional<uint16_t>(4095)})
                for (size_t payload : {0, 1, 64, 1400}) {
                    spec.protocol = protocol;
                    spec.vlan = vlan;
                    spec.payload = payload;
                    spec.tcp_flags = protocol == kTcp ? kTcpAck | kTcpPush : 0;
                    spec.ip_options.clear();
                    out.push_back(spec);
                    if (!spec.source.address.is_v4()) continue;
                    spec.ip_options = {1, 1, 1, 0};
                    out.push_back(spec);
                }
    return out;
}

/// Parses a copy that ends where the frame ends, so that the sanitizer sees a read behind it.
Result<ParsedFrame> parse_exactly(std::span<const uint8_t> frame) {
    std::unique_ptr<uint8_t[]> copy(new uint8_t[frame.size()]);
    std::ranges::copy(frame, copy.get());
    auto parsed = parse_frame({copy.get(), frame.size()});
    if (parsed) parsed->payload = {};
    return parsed;
}

std::string refusal(const Frame& frame) {
    auto parsed = parse_exactly(frame);
    return parsed ? "no error" : parsed.error().message;
}

// The bytes below come from a program in another language, with its own checksum.

TEST(Packet, BuildsATcpSynOverIpv4) {
    // clang-format off
    const Frame expected = {
        // Ethernet
        0x02, 0x00, 0x00, 0x00, 0x00, 0x02, 0x02, 0x00, 0x00, 0x00, 0x00, 0x01, 0x08, 0x00,
        // IPv4
        0x45, 0x00, 0x00, 0x28, 0x00, 0x00, 0x40, 0x00, 0x40, 0x06, 0x4e, 0x94, 0xc0, 0x00, 0x02, 0x01,
        0xc6, 0x33, 0x64, 0x07,
        // TCP
        0x30, 0x39, 0x00, 0x50, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x50, 0x02, 0xff, 0xff,
        0x93, 0x1c, 0x00, 0x00,
    };
    // clang-format on
    EXPECT_EQ(build_frame(tcp_v4()), expected);
}

TEST(Packet, BuildsATaggedUdpPacketOverIpv6) {
    // clang-format off
    const Frame expected = {
        // Ethernet with a tag
        0x02, 0x00, 0x00, 0x00, 0x00, 0x02, 0x02, 0x00, 0x00, 0x00, 0x00, 0x01, 0x81, 0x00, 0x00, 0x64,
        0x86, 0xdd,
        // IPv6
        0x60, 0x00, 0x00, 0x00, 0x00, 0x0d, 0x11, 0x09, 0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x20, 0x01, 0x0d, 0xb8, 0x00, 0x01, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x07,
        // UDP
        0x14, 0xe9, 0x00, 0x35, 0x00, 0x0d, 0x89, 0x37,
        // payload
        0x00, 0x01, 0x02, 0x03, 0x04,
    };
    // clang-format on
    EXPECT_EQ(build_frame(udp_v6()), expected);
}

TEST(Packet, BuildsEchoRequestsOfBothFamilies) {
    PacketSpec spec;
    spec.source = {Ip::parse("198.51.100.7").value(), Port(0x1234)};
    spec.destination = {Ip::parse("192.0.2.1").value(), Port(0)};
    spec.protocol = kIcmp;
    const auto v4 = build_frame(spec);
    ASSERT_EQ(v4.size(), 14u + 20 + 8);
    const auto message = std::span(v4).subspan(34);
    EXPECT_EQ(message[0], 8);
    EXPECT_EQ(message[4] << 8 | message[5], 0x1234);
    EXPECT_EQ(Checksum().add(message).value(), 0);

    spec.source.address = Ip::parse("2001:db8::7").value();
    spec.destination.address = Ip::parse("2001:db8::1").value();
    spec.protocol = kIcmpV6;
    const auto v6 = build_frame(spec);
    ASSERT_EQ(v6.size(), 14u + 40 + 8);
    EXPECT_EQ(v6[54], 128);
    const uint8_t length_and_protocol[] = {0, 0, 0, 8, 0, 0, 0, kIcmpV6};
    EXPECT_EQ(Checksum()
                  .add(std::span(v6).subspan(22, 32))
                  .add(length_and_protocol)
                  .add(std::span(v6).subspan(54))
                  .value(),
              0);
}

TEST(Packet, BeginsWithThePortsWhateverTheProtocol) {
    PacketSpec spec;
    spec.source = {Ip::parse("198.51.100.7").value(), Port(0x1234)};
    spec.destination = {Ip::parse("192.0.2.1").value(), Port(0x5678)};
    spec.protocol = 132;
    const auto frame = build_frame(spec);
    EXPECT_EQ(frame[23], 132);
    EXPECT_EQ(std::vector(frame.begin() + 34, frame.end()),
              (std::vector<uint8_t>{0x12, 0x34, 0x56, 0x78, 0, 0, 0, 0}));
}

TEST(Packet, ReadsBackWhatItBuilt) {
    for (const auto& spec : kinds()) {
        auto frame = build_frame(spec);
        auto parsed = parse_frame(frame);
        ASSERT_TRUE(parsed) << parsed.error().message;
        EXPECT_EQ(parsed->source_mac, spec.source_mac);
        EXPECT_EQ(parsed->destination_mac, spec.destination_mac);
        EXPECT_EQ(parsed->vlan, spec.vlan);
        EXPECT_EQ(parsed->source, spec.source);
        EXPECT_EQ(parsed->destination, spec.destination);
        EXPECT_EQ(parsed->protocol, spec.protocol);
        EXPECT_EQ(parsed->ttl, spec.ttl);
        EXPECT_EQ(parsed->tcp_flags, spec.tcp_flags);
        EXPECT_EQ(parsed->sequence, spec.protocol == kTcp ? spec.sequence : 0);
        EXPECT_EQ(parsed->acknowledgement, spec.acknowledgement);
        EXPECT_EQ(parsed->payload.size(), spec.payload);
        EXPECT_TRUE(parsed->checksums_right);
    }
}

TEST(Packet, RefusesAFrameThatEndsAnywhereBeforeItsPacket) {
    for (const auto& spec : kinds()) {
        auto frame = build_frame(spec);
        for (size_t size = 0; size < frame.size(); size++)
            ASSERT_FALSE(parse_exactly(std::span(frame).first(size))) << size << " of " << frame.size();
    }
}

TEST(Packet, IgnoresPaddingBehindThePacket) {
    for (const auto& spec : kinds()) {
        auto frame = build_frame(spec);
        frame.resize(frame.size() + 20, 0xaa);
        auto parsed = parse_frame(frame);
        ASSERT_TRUE(parsed) << parsed.error().message;
        EXPECT_EQ(parsed->payload.size(), spec.payload);
        EXPECT_TRUE(parsed->checksums_right);
    }
}

TEST(Packet, SeesEveryDamagedByteBehindTheMacs) {
    auto spec = tcp_v4();
    spec.payload = 3;
    auto frame = build_frame(spec);
    for (size_t at = 14; at < frame.size(); at++) {
        auto damaged = frame;
        damaged[at] ^= 0x10;
        auto parsed = parse_exactly(damaged);
        EXPECT_FALSE(parsed && parsed->checksums_right) << "byte " << at;
    }
}

TEST(Packet, TakesUdpOverIpv4WithoutAChecksum) {
    auto spec = tcp_v4();
    spec.protocol = kUdp;
    auto frame = build_frame(spec);
    frame[14 + 20 + 6] = frame[14 + 20 + 7] = 0;
    EXPECT_TRUE(parse_frame(frame)->checksums_right);
    spec = udp_v6();
    spec.vlan.reset();
    frame = build_frame(spec);
    frame[14 + 40 + 6] = frame[14 + 40 + 7] = 0;
    EXPECT_FALSE(parse_frame(frame)->checksums_right) << "IPv6 has no other protection";
}

TEST(Packet, NeverWritesTheUdpChecksumThatMeansNone) {
    auto spec = tcp_v4();
    spec.protocol = kUdp;
    bool all_ones = false;
    for (unsigned port = 1; port <= 65535; port++) {
        spec.source.port = Port(static_cast<uint16_t>(port));
        auto frame = build_frame(spec);
        unsigned sum = frame[40] << 8 | frame[41];
        ASSERT_NE(sum, 0u) << port;
        all_ones = all_ones || sum == 0xffff;
    }
    EXPECT_TRUE(all_ones) << "one of all ports has the sum 0, to be written as ffff";
}

TEST(Packet, SaysWhatItCannotRead) {
    const auto good = build_frame(tcp_v4());
    auto changed = [&](size_t at, uint8_t byte) {
        auto frame = good;
        frame[at] = byte;
        return frame;
    };
    EXPECT_THAT(refusal(changed(13, 0x06)), HasSubstr("EtherType 0x0806 is not IP"));
    EXPECT_THAT(refusal(changed(14, 0x55)), HasSubstr("version 5"));
    EXPECT_THAT(refusal(changed(14, 0x44)), HasSubstr("16 bytes of header"));
    EXPECT_THAT(refusal(changed(17, 19)), HasSubstr("20 bytes of header in 19"));
    EXPECT_THAT(refusal(changed(20, 0x20)), HasSubstr("fragment"));
    EXPECT_THAT(refusal(changed(21, 0x01)), HasSubstr("fragment"));
    EXPECT_THAT(refusal(changed(23, 1)), HasSubstr("protocol 1 has no ports"));
    EXPECT_THAT(refusal(changed(46, 0x40)), HasSubstr("TCP header says 16 bytes"));
    EXPECT_THAT(refusal(changed(46, 0x60)), HasSubstr("TCP header says 24 bytes of 20"));
}

}  // namespace
}  // namespace weir::net
