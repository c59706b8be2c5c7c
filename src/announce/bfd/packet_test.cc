#include "announce/bfd/packet.h"

#include <gtest/gtest.h>

#include <vector>

#include "announce/bgp_report.h"

namespace weir::announce::bfd {
namespace {

using namespace std::chrono_literals;

/// Up, no diagnostic, Poll, 50 ms three times, as in RFC 5880 section 4.1.
constexpr std::array<uint8_t, kPacketSize> kGolden{
    0x20, 0xe0, 0x03, 0x18,  // version 1, state 3 and P, multiplier, length
    0x01, 0x02, 0x03, 0x04,  // my discriminator
    0x0a, 0x0b, 0x0c, 0x0d,  // your discriminator
    0x00, 0x00, 0xc3, 0x50,  // desired min TX: 50,000 µs
    0x00, 0x01, 0x86, 0xa0,  // required min RX: 100,000 µs
    0x00, 0x00, 0x00, 0x00,  // required min echo RX
};

Packet golden() {
    return {.state = State::up,
            .poll = true,
            .multiplier = 3,
            .mine = 0x01020304,
            .yours = 0x0a0b0c0d,
            .desired_min_tx = 50ms,
            .required_min_rx = 100ms};
}

std::expected<Packet, Refusal> read_with(size_t at, uint8_t byte, size_t size = kPacketSize) {
    std::vector<uint8_t> bytes(kGolden.begin(), kGolden.end());
    bytes.resize(size);
    bytes.at(at) = byte;
    return read(bytes);
}

TEST(BfdPacket, IsAsTheRfcHasIt) {
    EXPECT_EQ(write(golden()), kGolden);
    EXPECT_EQ(read(kGolden), golden());
}

TEST(BfdPacket, HasAllFlagsStatesAndDiagnostics) {
    auto packet = golden();
    packet.poll = false;
    packet.final = packet.control_plane_independent = packet.demand = true;
    packet.diagnostic = Diagnostic::administratively_down;
    packet.state = State::admin_down;
    packet.required_min_echo_rx = 7us;
    const auto bytes = write(packet);
    EXPECT_EQ(bytes[0], 0x27);
    EXPECT_EQ(bytes[1], 0x1a);
    EXPECT_EQ(bytes[23], 7);
    EXPECT_EQ(read(bytes), packet);
    for (auto state : {State::admin_down, State::down, State::init, State::up}) {
        packet.state = state;
        EXPECT_EQ(write(packet)[1] >> 6, static_cast<int>(state));
        EXPECT_EQ(read(write(packet)), packet) << to_text(state);
    }
}

TEST(BfdPacket, KeepsADiagnosticThatIsNewToIt) {
    auto packet = read_with(0, 0x3f);
    ASSERT_TRUE(packet);
    EXPECT_EQ(static_cast<int>(packet->diagnostic), 31);
    EXPECT_EQ(to_text(packet->diagnostic), "unknown");
}

TEST(BfdPacket, WritesNoIntervalThatDoesNotFit) {
    auto packet = golden();
    packet.desired_min_tx = 2h;
    EXPECT_EQ(read(write(packet))->desired_min_tx, Interval(UINT32_MAX));
}

struct Bad {
    const char* what;
    size_t at;
    uint8_t byte;
    Refusal why;
    size_t size = kPacketSize;
};

TEST(BfdPacket, RefusesWhatRfc5880Section686Does) {
    constexpr Bad kAll[] = {
        {"version 0", 0, 0x00, Refusal::version},
        {"version 2", 0, 0x40, Refusal::version},
        {"too few bytes", 0, 0x20, Refusal::length, kPacketSize - 1},
        {"says that it is shorter", 3, 23, Refusal::length},
        {"says that it is longer", 3, 25, Refusal::length},
        {"no place for what A promises", 1, 0xc4, Refusal::length},
        {"multiplier 0", 2, 0, Refusal::multiplier},
        {"multipoint", 1, 0xc1, Refusal::multipoint},
    };
    for (const auto& bad : kAll) {
        auto read = read_with(bad.at, bad.byte, bad.size);
        ASSERT_FALSE(read) << bad.what;
        EXPECT_EQ(read.error(), bad.why) << bad.what;
    }
}

TEST(BfdPacket, RefusesDiscriminatorsThatCannotBe) {
    auto packet = golden();
    packet.mine = 0;
    EXPECT_EQ(read(write(packet)).error(), Refusal::my_discriminator);
    packet = golden();
    packet.yours = 0;
    for (auto state : {State::init, State::up}) {
        packet.state = state;
        EXPECT_EQ(read(write(packet)).error(), Refusal::your_discriminator) << to_text(state);
    }
    for (auto state : {State::admin_down, State::down}) {
        packet.state = state;
        EXPECT_TRUE(read(write(packet))) << to_text(state);
    }
}

TEST(BfdPacket, RefusesAuthentication) {
    std::vector<uint8_t> bytes(kGolden.begin(), kGolden.end());
    bytes.insert(bytes.end(), {1, 4, 1, 'x'});
    bytes[1] |= 0x04;
    bytes[3] = static_cast<uint8_t>(bytes.size());
    EXPECT_EQ(read(bytes).error(), Refusal::authentication);
}

TEST(BfdPacket, TakesWhatFollowsIt) {
    std::vector<uint8_t> bytes(kGolden.begin(), kGolden.end());
    bytes.resize(60);  // as from a link with a least frame
    EXPECT_EQ(read(bytes), golden());
}

TEST(BfdPacket, HasAWordForEachRefusal) {
    EXPECT_EQ(kBfdRefusals.at(static_cast<size_t>(Refusal::hop_limit)), "hop_limit");
    EXPECT_EQ(kBfdRefusals.at(static_cast<size_t>(Refusal::authentication)), "authentication");
    EXPECT_EQ(kBfdRefusals.at(static_cast<size_t>(Refusal::your_discriminator)), "your_discriminator");
    EXPECT_EQ(kBfdRefusals.size(), static_cast<size_t>(Refusal::your_discriminator) + 1);
}

}  // namespace
}  // namespace weir::announce::bfd
