// NAT both ways, byte by byte: what leaves is compared with a frame that the test makes from nothing.
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <set>

#include "tests/packet/nat_fixture.h"
#include "tests/packet/transport.h"

namespace weir::engine::xdp {
namespace {

TEST_F(NatTest, TranslatesEveryByteBothWays) {
    std::vector<size_t> payloads{1459, 1460, 1461, 8000, 8959, 8960};
    for (size_t i = 0; i <= 300; i++) payloads.push_back(i);
    for (size_t i = 301; i < 1460; i += 37) payloads.push_back(i);
    for (const auto& kind : every_kind()) {
        SCOPED_TRACE(text(kind));
        serve(kind);
        std::set<Endpoint> sources;
        for (auto payload : payloads) {
            auto spec = from_client(kind);
            spec.payload = payload;
            spec.sequence = 0x12345678;
            auto got = ask(spec, kind);
            sources.insert(got.source);
            ASSERT_TRUE(answered(got, spec)) << payload;
            ASSERT_FALSE(HasFailure()) << payload;
        }
        EXPECT_EQ(sources.size(), 1u) << "a flow has one source";
    }
    EXPECT_TRUE(new_reasons().empty());
}

TEST_F(NatTest, SendsAnswersToTheLastHopAndItsVlan) {
    Kind kind;
    hops_.at(address_of(1)).vlan = 20;
    serve(kind);
    auto spec = from_client(kind, net::kTcpSyn);
    spec.vlan = 0xabc;
    auto ran = run(net::build_frame(spec));
    auto got = there(spec, kind, spec.source);
    got.vlan = 20;
    EXPECT_EQ(ran.frame, net::build_frame(got));
    auto reply = answer(got);
    reply.vlan = 20;
    EXPECT_EQ(run(net::build_frame(reply)).frame, net::build_frame(back(reply, spec)));

    spec.vlan.reset();  // the flow's second packet comes by another router, untagged
    spec.source_mac = kRouter;
    spec.tcp_flags = net::kTcpAck;
    run(net::build_frame(spec));
    EXPECT_EQ(run(net::build_frame(reply)).frame, net::build_frame(back(reply, spec)));
}

TEST_F(NatTest, PassesWhatIsNoAnswerAndWhatIsForAnotherMac) {
    Kind kind;
    serve(kind);
    auto port = Ports{{kLoopback, Port{kBalancer}}};
    ASSERT_TRUE(tables_->set_ports(port));
    auto spec = from_client(kind, net::kTcpSyn);
    auto reply = answer(ask(spec, kind));
    auto stranger = reply;
    stranger.destination.port = net::Port(1001);
    expect_reason(net::build_frame(stranger), XDP_PASS, "not_vip", "no flow of ours");
    auto flooded = reply;
    flooded.destination_mac = kRouter;
    expect_reason(net::build_frame(flooded), XDP_PASS, "not_vip", "to another router");
    EXPECT_EQ(run(net::build_frame(reply)).verdict, XDP_TX);
    EXPECT_EQ(tables_->ask(net::build_frame(reply))->action, "forward");
}

TEST_F(NatTest, DropsWhatHasNoHopLeft) {
    Kind kind;
    plan_.icmp.rate = 0;
    serve(kind);
    auto spec = from_client(kind, net::kTcpSyn);
    auto reply = answer(ask(spec, kind));
    reply.ttl = spec.ttl = 1;
    expect_reason(net::build_frame(spec), XDP_DROP, "expired", "to the backend");
    expect_reason(net::build_frame(reply), XDP_DROP, "expired", "to the client");
}

TEST_F(NatTest, LeavesUdpWithoutAChecksumWithoutOne) {
    for (bool full : {false, true}) {
        Kind kind{Family::v4, net::kUdp, true, full};
        serve(kind);
        auto spec = from_client(kind);
        spec.payload = 11;
        auto got = ask(spec, kind);
        auto expected = net::build_frame(got);
        set_checksum(expected, 0);
        auto in = net::build_frame(spec);
        set_checksum(in, 0);
        EXPECT_EQ(run(in).frame, expected);
    }
}

TEST_F(NatTest, WritesAUdpChecksumOfZeroAsAllOnes) {
    for (auto kind : every_kind()) {
        SCOPED_TRACE(text(kind));
        serve(kind);
        auto spec = from_client(kind);
        spec.payload = 100;
        auto got = ask(spec, kind);
        auto in = net::build_frame(spec), expected = net::build_frame(got);
        make_sum_all_ones(expected, 40);  // by a word of the payload
        std::copy_n(expected.end() - 40, 2, in.end() - 40);
        set_checksum(in, whole_checksum(in));
        EXPECT_EQ(checksum_of(expected), kind.protocol == net::kUdp ? 0xffff : 0);
        EXPECT_EQ(run(in).frame, expected);
    }
}

/// As a frame of a local socket comes out of a veth.
Bytes partial(Bytes frame) {
    set_checksum(frame, pseudo_sum(frame));
    return frame;
}

TEST_F(NatTest, CompletesChecksumsThatWereLeftToTheHardware) {
    for (const auto& kind : every_kind()) {
        SCOPED_TRACE(text(kind));
        serve(kind);
        for (size_t payload : {0, 1, 2, 107, 108, 109, 127, 128, 129, 1000, 1459, 1460, 8960}) {
            auto spec = from_client(kind);
            spec.payload = payload;
            auto got = ask(spec, kind);
            EXPECT_EQ(run(partial(net::build_frame(spec))).frame, net::build_frame(got)) << payload;
            auto reply = answer(got);
            EXPECT_EQ(run(partial(net::build_frame(reply))).frame, net::build_frame(back(reply, spec)));
        }
    }
}

/// One in 65536 holds what the sum of its pseudo header would be.
TEST_F(NatTest, KeepsWholeChecksumsThatSeemPartialBehindTheDriver) {
    for (const auto& kind : every_kind()) {
        SCOPED_TRACE(text(kind));
        serve(kind);
        auto ports = Ports{{kLoopback, Port{kBalancer, true}}};
        ASSERT_TRUE(tables_->set_ports(ports));
        auto spec = from_client(kind);
        spec.payload = 100;
        auto in = net::build_frame(spec), out = net::build_frame(ask(spec, kind));
        for (uint32_t word = 0; word < 0x10000; word++) {
            in[in.size() - 40] = static_cast<uint8_t>(word >> 8);
            in[in.size() - 39] = static_cast<uint8_t>(word);
            if (whole_checksum(in) == pseudo_sum(in)) break;
        }
        set_checksum(in, whole_checksum(in));
        ASSERT_EQ(checksum_of(in), pseudo_sum(in));
        std::copy_n(in.end() - 40, 2, out.end() - 40);
        set_checksum(out, whole_checksum(out));
        EXPECT_EQ(run(in).frame, out);
    }
}

TEST_F(NatTest, CarriesPartialChecksumsOnBehindTheDriver) {
    for (const auto& kind : every_kind()) {
        SCOPED_TRACE(text(kind));
        serve(kind);
        auto ports = Ports{{kLoopback, Port{kBalancer, true}}};
        ASSERT_TRUE(tables_->set_ports(ports));
        for (size_t payload : {0, 1, 1460}) {
            auto spec = from_client(kind);
            spec.payload = payload;
            auto got = ask(spec, kind);
            EXPECT_EQ(run(partial(net::build_frame(spec))).frame, partial(net::build_frame(got)));
            auto reply = answer(got);
            EXPECT_EQ(run(partial(net::build_frame(reply))).frame,
                      partial(net::build_frame(back(reply, spec))));
        }
    }
}

}  // namespace
}  // namespace weir::engine::xdp
