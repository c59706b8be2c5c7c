// Every byte of what leaves, by each way of forwarding, of both families, tagged and not.
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <set>

#include "tests/packet/ways.h"

namespace weir::engine::xdp {
namespace {

using wire::Header;
using wire::operator+;

struct Row {
    const char* what;
    uint8_t protocol, tos, hops;
    Bytes (*transport)(const Header& ip);
};

const Row kRows[] = {
    {"TCP SYN", wire::kTcp, 0, 64,
     [](const Header& ip) { return wire::tcp(ip, 1000, 80, net::kTcpSyn, {}); }},
    {"TCP ACK", wire::kTcp, 0x02, 2,
     [](const Header& ip) { return wire::tcp(ip, 1000, 80, net::kTcpAck, wire::counting(333)); }},
    {"UDP", wire::kUdp, 0xb9, 255,
     [](const Header& ip) { return wire::udp(ip, 1000, 53, wire::counting(40)); }},
    {"UDP without checksum", wire::kUdp, 0xff, 128,
     [](const Header& ip) { return wire::udp(ip, 1000, 53, wire::counting(41), false); }},
};

class Forward : public WaysTest {
  protected:
    void expect_delivered(const Row& row, std::optional<uint16_t> tag, const Bytes& padding = {}) {
        auto header = from_client(row.protocol, row.tos, row.hops);
        auto in = wire::frame(kBalancer, kClient, tag, wire::packet(header, row.transport(header))) + padding;
        header = changed(header);
        auto ran = run(in);
        EXPECT_EQ(ran.verdict, XDP_TX);
        EXPECT_EQ(ran.frame, delivered(wire::packet(header, row.transport(header)), ran.frame) + padding);
    }
};

TEST_F(Forward, SendsEachByteAsTheWaySays) {
    for (const auto& way : all_ways())
        for (auto out : {std::optional<uint16_t>{}, std::optional<uint16_t>{0x123}}) {
            use(way, 1, out);
            new_packets();
            new_reasons();
            for (const auto& row : kRows)
                for (auto in : {std::optional<uint16_t>{}, std::optional<uint16_t>{10}}) {
                    SCOPED_TRACE(fmt::format("{}, {}, {} in, {} out", way.text(), row.what,
                                             in ? "tagged" : "untagged", out ? "tagged" : "untagged"));
                    expect_delivered(row, in);
                }
            EXPECT_EQ(new_packets(), 2 * std::size(kRows)) << way.text();
            EXPECT_TRUE(new_reasons().empty()) << way.text();
        }
}

TEST_F(Forward, KeepsThePaddingOfShortFramesOutOfItsLengths) {
    for (const auto& way : all_ways()) {
        use(way);
        SCOPED_TRACE(way.text());
        for (const auto& row : kRows) expect_delivered(row, {}, Bytes(6, 0xee));
    }
}

TEST_F(Forward, LetsThePacketsOfOneFlowAlikeAndSpreadsFlows) {
    for (const auto& way : all_ways()) {
        if (!way.is_tunnel()) continue;
        SCOPED_TRACE(way.text());
        use(way);
        std::set<uint32_t> sources, flows;
        for (uint16_t port = 1; port <= 500; port++) {
            Varied first, second;
            for (auto* varied : {&first, &second}) {
                auto header = from_client(wire::kTcp);
                auto in = wire::packet(header, wire::tcp(header, port, 80, net::kTcpAck, {}));
                auto ran = run(wire::frame(kBalancer, kClient, {}, in));
                header = changed(header);
                auto out = wire::packet(header, wire::tcp(header, port, 80, net::kTcpAck, {}));
                EXPECT_EQ(ran.frame, delivered(out, ran.frame, 1, varied));
            }
            EXPECT_EQ(first, second);
            sources.insert(first.source);
            flows.insert(first.flow);
        }
        EXPECT_GT(sources.size(), 190u) << "500 balls in 256 bins leave 220 that are not empty";
        bool varies = way.backend == net::Family::v6 || way.kind == model::ForwardKind::fou ||
                      way.kind == model::ForwardKind::gue;
        if (varies) {
            EXPECT_GT(flows.size(), 450u);
        }
    }
}

TEST_F(Forward, TakesPacketsUpToTheWaysMtuAndNoLonger) {
    for (const auto& way : all_ways())
        for (uint32_t mtu : {1400u, 1500u}) {
            SCOPED_TRACE(fmt::format("{}, MTU {}", way.text(), mtu));
            use(way, 1, {}, mtu);
            auto of_size = [&](size_t size) {
                auto header = from_client(wire::kUdp);
                auto headers = header.source.is_v4() ? 28u : 48u;
                auto packet = wire::packet(header, wire::udp(header, 1, 53, wire::counting(size - headers)));
                return run(wire::frame(kBalancer, kClient, {}, packet));
            };
            new_reasons();
            auto fits = of_size(mtu - way.growth());
            EXPECT_EQ(fits.verdict, XDP_TX);
            EXPECT_EQ(fits.frame.size(), 14u + mtu);
            EXPECT_TRUE(new_reasons().empty());
            of_size(mtu - way.growth() + 1);
            // What comes by the only interface without a tunnel also leaves by it.
            std::map<std::string, uint64_t> expected;
            if (way.is_tunnel()) expected["too_big"] = 1;
            EXPECT_EQ(new_reasons(), expected);
        }
}

TEST_F(Forward, TakesPacketsOfManyBuffers) {
    for (const auto& way : all_ways()) {
        SCOPED_TRACE(way.text());
        use(way, 1, {}, 9000);
        Row jumbo{"UDP", wire::kUdp, 0, 64,
                  [](const Header& ip) { return wire::udp(ip, 1000, 53, wire::counting(8800)); }};
        expect_delivered(jumbo, {});
    }
}

}  // namespace
}  // namespace weir::engine::xdp
