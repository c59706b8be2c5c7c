#include "sync/wire.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>

#include "sync/keys.h"
#include "sync/member_fixture.h"

namespace weir::sync {
namespace {

using testing::SizeIs;

std::string hex(std::span<const uint8_t> bytes) {
    return fmt::format("{:02x}", fmt::join(bytes, ""));
}

Heartbeat full_heartbeat() {
    Heartbeat heartbeat{.leaving = true,
                        .ready = true,
                        .pass = 200ms,
                        .uptime = 3'600'000ms,
                        .clock = 0x0102030405060708,
                        .node = ip("2001:db8::100")};
    for (uint64_t i = 1; i <= kMostHeard; ++i)
        heartbeat.heard.push_back({i, i << 8, i << 16, i << 24, static_cast<uint32_t>(i), i % 2 == 0});
    return heartbeat;
}

std::vector<FlowsWriter::Body> bodies_of(const std::vector<model::ToldFlow>& told) {
    FlowsWriter writer(17);
    for (const auto& each : told) writer.add(*each.target, each.flow);
    return writer.take();
}

// The bytes of doc/wire/sync.md.
TEST(SyncWire, IsAsItsPageSays) {
    const Header header{.type = 2,
                        .key = 0x11223344,
                        .fingerprint = 0x55667788,
                        .sender = 0x0102030405060708,
                        .to = 0,
                        .sequence = 9};
    auto web = target(1);
    auto far = target(1, "2001:db8::1");
    far.frontend.port = net::Port(8000);
    far.frontend.more_ports = 99;
    far.frontend.free_bits = 64;
    far.frontend.protocol = model::Protocol::udp;
    auto bodies = bodies_of({{&web, flow(0xfedcba9876543210, FlowState::established, 5s)},
                             {&web, flow(1, FlowState::closing)},
                             {&far, flow(2, FlowState::datagram, 16383s)}});
    ASSERT_THAT(bodies, SizeIs(1));
    auto datagram = write(header, bodies[0].bytes);
    EXPECT_EQ(hex(datagram),
              "77656972"  // "weir"
              "01"
              "02"
              "0000"              // version, flows, reserved
              "11223344"          // key
              "55667788"          // fingerprint
              "0102030405060708"  // sender
              "0000000000000000"  // to all
              "0000000000000009"  // sequence number
              "11"                // 2^17 buckets
              "00"
              "06"
              "0050"
              "0000"
              "00"
              "c0000201"
              "0a000101"
              "0002"  // TCP, port 80, two flows
              "fedcba9876543210"
              "4005"
              "0000000000000001"
              "8000"
              "01"
              "11"
              "1f40"
              "0063"
              "40"
              "20010db8000000000000000000000001"
              "0a000101"
              "0001"
              "0000000000000002"
              "ffff");
    Keys keys({kKey});
    keys.sign(datagram);
    // Worked out by Python's hmac.
    EXPECT_EQ(hex(std::span(datagram).last(kCodeSize)), "62fb98522b58bcbedfa3d605116cbee2");
    EXPECT_EQ(fmt::format("{:08x} {:08x}", keys.signing(), fingerprint_of(7)), "06383d2e 6dd8dfcc");
}

TEST(SyncWire, WritesAHeartbeatAsItsPageSays) {
    Heartbeat heartbeat{.pass = 200ms, .uptime = 60s, .clock = 5, .node = ip("10.0.0.100")};
    heartbeat.heard = {{1, 2, 3, 4, 5, true}};
    EXPECT_EQ(hex(write(heartbeat)),
              "00"
              "01"
              "04"
              "00"
              "000000c8"
              "000000000000ea60"
              "0000000000000005"
              "0a000064"
              "0000000000000001"
              "0000000000000002"
              "0000000000000003"
              "0000000000000004"
              "00000005"
              "01");
    EXPECT_EQ(hex(write(SnapshotRequest{7})), "00000007");
    EXPECT_EQ(hex(write(SnapshotEnd{7, 1'000'000})), "0000000700000000000f4240");
}

TEST(SyncWire, ReadsWhatItWrites) {
    auto heartbeat = full_heartbeat();
    EXPECT_LE(write(heartbeat).size(), kMostBody);
    EXPECT_EQ(read_heartbeat(write(heartbeat)), heartbeat);
    EXPECT_EQ(read_heartbeat(write(Heartbeat{})), Heartbeat{});
    EXPECT_EQ(read_snapshot_request(write(SnapshotRequest{3})), SnapshotRequest{3});
    EXPECT_EQ(read_snapshot_end(write(SnapshotEnd{3, 4})), (SnapshotEnd{3, 4}));
    const Header header{.type = 1, .key = 2, .fingerprint = 3, .sender = 4, .to = 5, .sequence = 6};
    EXPECT_EQ(read_header(write(header, {})), header);
}

TEST(SyncWire, PutsFlowsIntoDatagramsThatAreNeverTooLong) {
    std::vector<model::TargetKey> targets;
    for (int i = 0; i < 250; ++i) targets.push_back(target(i, i % 3 ? "192.0.2.1" : "2001:db8::1"));
    std::vector<model::ToldFlow> told;
    for (uint64_t i = 0; i < 5000; ++i) told.push_back({&targets[i * i / 20 % 250], flow(i + 1)});
    size_t count = 0;
    std::vector<std::pair<model::TargetKey, uint64_t>> read;
    for (const auto& body : bodies_of(told)) {
        EXPECT_LE(body.bytes.size(), kMostBody);
        auto flows = read_flows(body.bytes);
        ASSERT_TRUE(flows);
        EXPECT_EQ(flows->bucket_bits, 17u);
        EXPECT_EQ(flows->flows.size(), body.flows);
        count += body.flows;
        for (const auto& section : flows->sections)
            for (const auto& each : flows->of(section)) read.emplace_back(section.target, each.hash);
    }
    EXPECT_EQ(count, told.size());
    ASSERT_EQ(read.size(), told.size());
    for (size_t i = 0; i < told.size(); ++i)
        EXPECT_EQ(read[i], std::pair(*told[i].target, told[i].flow.hash));
}

TEST(SyncWire, FillsADatagramWithFlowsOfOneTarget) {
    auto web = target(1);
    std::vector<model::ToldFlow> told(1320, model::ToldFlow{&web, flow(1)});
    auto bodies = bodies_of(told);
    EXPECT_THAT(bodies, SizeIs(10));
    for (const auto& body : bodies) EXPECT_EQ(body.flows, 132u);
}

TEST(SyncWire, TellsALongIdlenessAsTheLongestThatItCan) {
    auto web = target(1);
    auto bodies = bodies_of({{&web, flow(1, FlowState::datagram, 20'000s)}});
    EXPECT_EQ(read_flows(bodies.at(0).bytes)->flows.at(0).idle, kMostIdle);
}

TEST(SyncWire, TakesNoUptimeThatNobodyCanHave) {
    auto heartbeat = write(Heartbeat{});
    heartbeat[8] = 0xff;
    EXPECT_EQ(read_heartbeat(heartbeat)->uptime, kMostUptime);
}

TEST(SyncWire, RefusesWhatIsCutOffAnywhere) {
    auto web = target(1);
    auto bodies = bodies_of({{&web, flow(1)}, {&web, flow(2)}});
    const auto& flows = bodies.at(0).bytes;
    for (size_t size = 0; size < flows.size(); ++size)
        EXPECT_FALSE(read_flows(std::span(flows).first(size))) << size;
    auto heartbeat = write(full_heartbeat());
    for (size_t size = 0; size < heartbeat.size(); ++size)
        EXPECT_FALSE(read_heartbeat(std::span(heartbeat).first(size))) << size;
    const auto request = write(SnapshotRequest{1}), end = write(SnapshotEnd{1, 1}),
               header = write(Header{}, {});
    for (size_t size = 0; size < request.size(); ++size)
        EXPECT_FALSE(read_snapshot_request(std::span(request).first(size)));
    for (size_t size = 0; size < end.size(); ++size)
        EXPECT_FALSE(read_snapshot_end(std::span(end).first(size)));
    for (size_t size = 0; size < header.size(); ++size)
        EXPECT_FALSE(read_header(std::span(header).first(size)));
}

TEST(SyncWire, RefusesWhatCannotBe) {
    auto web = target(1);
    const auto good = bodies_of({{&web, flow(1)}}).at(0).bytes;
    auto with = [&](size_t at, uint8_t value, size_t also = 0, uint8_t to = 17) {
        auto bytes = good;
        bytes.at(also) = to;
        bytes.at(at) = value;
        return read_flows(bytes).has_value();
    };
    EXPECT_TRUE(with(0, 32));
    EXPECT_FALSE(with(0, 33)) << "more buckets than there can be";
    EXPECT_FALSE(with(1, 4)) << "an unknown flag of the section";
    EXPECT_FALSE(with(7, 33)) << "more free bits than an IPv4 address has";
    EXPECT_FALSE(with(3, 0xff, 5, 0x01)) << "ports behind the last";
    EXPECT_FALSE(with(17, 0)) << "a section without flows";
    EXPECT_FALSE(with(17, 2)) << "more flows than there are";
    EXPECT_FALSE(with(26, 0)) << "a state that there is not";
    auto heartbeat = write(Heartbeat{});
    heartbeat[2] = 5;
    EXPECT_FALSE(read_heartbeat(heartbeat)) << "neither IPv4 nor IPv6";
    heartbeat[2] = 0;
    heartbeat[1] = kMostHeard + 1;
    heartbeat.resize(kMostBody);
    EXPECT_FALSE(read_heartbeat(heartbeat)) << "more than a group has";
}

TEST(SyncWire, LeavesRoomForWhatLaterVersionsAppend) {
    auto heartbeat = write(full_heartbeat());
    heartbeat.push_back(1);
    EXPECT_EQ(read_heartbeat(heartbeat), full_heartbeat());
    auto end = write(SnapshotEnd{1, 2});
    end.push_back(1);
    EXPECT_EQ(read_snapshot_end(end), (SnapshotEnd{1, 2}));
}

TEST(SyncKeys, BelieveAllAndSignWithTheFirst) {
    Keys both({kKey, kOtherKey}), first({kKey}), second({kOtherKey});
    Header header{.type = 1, .key = both.signing()};
    auto datagram = write(header, {});
    both.sign(datagram);
    EXPECT_TRUE(both.is_authentic(header, datagram));
    EXPECT_TRUE(first.is_authentic(header, datagram));
    EXPECT_FALSE(second.knows(header.key));
    EXPECT_FALSE(second.is_authentic(header, datagram));
    header.key = second.signing();
    datagram = write(header, {});
    second.sign(datagram);
    EXPECT_TRUE(both.is_authentic(header, datagram));
}

TEST(SyncKeys, RefuseADatagramWithAnyBitFlipped) {
    Keys keys({kKey});
    Header header{.type = 1, .key = keys.signing(), .sender = 1, .sequence = 1};
    auto datagram = write(header, write(Heartbeat{}));
    keys.sign(datagram);
    for (size_t bit = 0; bit < 8 * datagram.size(); ++bit) {
        auto flipped = datagram;
        flipped[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
        auto said = read_header(flipped).value_or(Header{});
        EXPECT_FALSE(keys.is_authentic(said, flipped)) << bit;
    }
}

}  // namespace
}  // namespace weir::sync
