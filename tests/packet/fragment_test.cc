// Fragments, IPv4 options, IPv6 extension headers, more tags than one.
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <numeric>

#include "tests/packet/ways.h"

namespace weir::engine::xdp {
namespace {

using net::Family;
using wire::Header;
using wire::operator+;

constexpr size_t kSize = 1000;                              // of a datagram
constexpr size_t kCuts[] = {0, 320, 640, kSize + 8, 9999};  // where it is cut: UDP's header is in the first

class Fragments : public WaysTest {
  protected:
    struct Datagram {
        uint16_t port;
        uint16_t identification;
        Bytes payload = wire::counting(kSize);
    };

    /// The piece behind a cut of a datagram whose IP header is `header`.
    static Bytes piece(Header header, const Datagram& datagram, size_t number) {
        auto whole = wire::udp(header, datagram.port, 53, datagram.payload);
        auto from = kCuts[number], to = std::min(kCuts[number + 1], whole.size());
        Bytes part(whole.begin() + static_cast<long>(from), whole.begin() + static_cast<long>(to));
        bool more = to < whole.size();
        if (header.source.is_v4()) {
            header.identification = datagram.identification;
            header.fragment = static_cast<uint16_t>(from / 8 | (more ? 0x2000 : 0));
            return wire::packet(header, part);
        }
        auto offset = static_cast<uint16_t>(from | (more ? 1 : 0));
        header.protocol = 44;
        return wire::packet(header,
                            wire::fragment_header(wire::kUdp, offset, datagram.identification) + part);
    }
    Bytes in(const Datagram& datagram, size_t number) const {
        return wire::frame(kBalancer, kClient, {}, piece(from_client(wire::kUdp), datagram, number));
    }

    /// The backend that the piece went to, its bytes checked.
    int send_piece(const Datagram& datagram, size_t number, Varied* varied = nullptr) const {
        auto ran = run(in(datagram, number));
        if (ran.verdict != XDP_TX) return 0;
        auto backend = ran.frame[5];
        auto out = piece(changed(from_client(wire::kUdp), backend), datagram, number);
        EXPECT_EQ(ran.frame, delivered(out, ran.frame, backend, varied));
        return backend;
    }

    /// Sends a TCP segment behind these headers; `first` is the first one's type.
    void expect_delivered(uint8_t first, const Bytes& headers) {
        auto build = [&](Header header) {
            auto segment = wire::tcp(header, 1000, 80, net::kTcpAck, wire::counting(20));
            header.protocol = first;
            return wire::packet(header, headers + segment);
        };
        auto header = from_client(wire::kTcp, 0x28, 9);
        auto ran = run(wire::frame(kBalancer, kClient, {}, build(header)));
        EXPECT_EQ(ran.verdict, XDP_TX);
        EXPECT_EQ(ran.frame, delivered(build(changed(header)), ran.frame));
    }
};

TEST_F(Fragments, FollowTheirFirst) {
    for (const auto& way : all_ways()) {
        use(way, 5, 0x123);
        SCOPED_TRACE(way.text());
        new_reasons();
        new_packets();
        for (uint16_t port = 1; port <= 20; port++) {
            Varied first, later;
            auto backend = send_piece({port, port}, 0, &first);
            ASSERT_NE(backend, 0);
            for (size_t number : {1, 2, 1}) {
                EXPECT_EQ(send_piece({port, port}, number, &later), backend);
                EXPECT_EQ(later, first);
            }
        }
        EXPECT_TRUE(new_reasons().empty());
        EXPECT_EQ(new_packets(), 80u);
    }
}

TEST_F(Fragments, FollowTheirFirstAlsoWhenNewFlowsGoElsewhere) {
    use({model::ForwardKind::gre, Family::v4, Family::v4}, 5);
    std::map<uint16_t, int> backends;
    for (uint16_t port = 1; port <= 50; port++) backends[port] = send_piece({port, port}, 0);
    for (int i = 1; i <= 4; i++) set_accepts(i, Accepts::established);
    apply();
    for (const auto& [port, backend] : backends) EXPECT_EQ(send_piece({port, port}, 1), backend);
    for (int i = 1; i <= 4; i++) set_accepts(i, Accepts::nothing);
    apply();
    for (const auto& [port, backend] : backends) EXPECT_EQ(send_piece({port, port}, 2), backend == 5 ? 5 : 0);
}

TEST_F(Fragments, AreDroppedWithoutTheirFirst) {
    uint16_t number = 0;  // each way has its own: what is remembered outlives a plan
    for (const auto& way : all_ways()) {
        use(way);
        number++;
        expect_reason(in({1, number}, 1), XDP_DROP, "fragment", way.text() + ", before the first");
        ASSERT_EQ(send_piece({1, number}, 0), 1);
        EXPECT_EQ(send_piece({1, number}, 1), 1);
        expect_reason(in({1, 999}, 1), XDP_DROP, "fragment", way.text() + ", another identification");
        auto other = in({1, number}, 1);
        other[way.vip == Family::v4 ? 26 : 22] ^= 1;
        expect_reason(other, XDP_DROP, "fragment", way.text() + ", another source");
        if (way.vip == Family::v6) continue;  // whose identification is of no protocol
        other = in({1, number}, 1);
        other[23] = wire::kTcp;
        expect_reason(other, XDP_DROP, "fragment", way.text() + ", another protocol");
    }
}

TEST_F(Fragments, FollowTheirFirstBehindFurtherHeaders) {
    for (const auto& way : all_ways()) {
        if (way.vip != Family::v6) continue;
        SCOPED_TRACE(way.text());
        use(way);
        for (bool first : {true, false}) {
            // Destination options that do nothing, and the begin of a datagram; its rest.
            auto build = [&](Header header) {
                auto data =
                    Bytes{wire::kUdp, 0, 1, 4, 0, 0, 0, 0} + wire::udp(header, 1, 53, wire::counting(600));
                auto piece =
                    first ? Bytes(data.begin(), data.begin() + 320) : Bytes(data.begin() + 320, data.end());
                header.protocol = 44;
                return wire::packet(header, wire::fragment_header(60, first ? 1 : 320, 4711) + piece);
            };
            auto header = from_client(wire::kUdp);
            auto ran = run(wire::frame(kBalancer, kClient, {}, build(header)));
            EXPECT_EQ(ran.verdict, XDP_TX);
            EXPECT_EQ(ran.frame, delivered(build(changed(header)), ran.frame));
        }
    }
}

TEST_F(Fragments, WithoutTheirFirstPassWhereTheUnmatchedDo) {
    plan_.unmatched = model::Unmatched::pass;
    for (auto family : {Family::v4, Family::v6}) {
        use({model::ForwardKind::ipip, family, Family::v4});
        expect_reason(in({1, 77}, 1), XDP_PASS, "unmatched_passed", "no service has the first one");
    }
}

TEST_F(Fragments, AreRememberedInATableThatIsBounded) {
    use({model::ForwardKind::dsr, Family::v4, Family::v4});
    constexpr uint16_t kMany = 40000;
    for (uint16_t i = 0; i < kMany; i++) ASSERT_EQ(run(in({1, i}, 0)).verdict, XDP_TX);
    auto kept = [&](uint16_t from) {
        int count = 0;
        for (uint16_t i = from; i < from + 1000; i++) count += run(in({1, i}, 1)).verdict == XDP_TX;
        return count;
    };
    new_reasons();
    EXPECT_LT(kept(0), 100);
    EXPECT_GT(new_reasons()["fragment"], 900u);
    EXPECT_GT(kept(kMany - 1000), 900);
}

/// One in 65536 does: the field then holds what the sum of the fragment's pseudo header would be.
TEST_F(Fragments, KeepAChecksumThatSeemsToBeLeftToTheHardware) {
    for (auto family : {Family::v4, Family::v6}) {
        use({model::ForwardKind::dscp, family, family});
        auto header = from_client(wire::kUdp);
        auto addresses = Bytes{} + header.source.bytes() + header.destination.bytes();
        auto of_pseudo_header = static_cast<uint16_t>(~wire::checksum(addresses, wire::kUdp + kCuts[1]));
        Datagram datagram{1, 1};
        for (uint32_t last = 0; last < 0x10000; last++) {
            std::ranges::copy(wire::u16(last), datagram.payload.end() - 2);
            if (wire::get16(wire::udp(header, 1, 53, datagram.payload), 6) == of_pseudo_header) break;
        }
        ASSERT_EQ(wire::get16(wire::udp(header, 1, 53, datagram.payload), 6), of_pseudo_header);
        EXPECT_EQ(send_piece(datagram, 0), 1);
    }
}

TEST_F(Fragments, NeedTheirPortsInTheFirst) {
    use({model::ForwardKind::ipip, Family::v4, Family::v4});
    auto header = from_client(wire::kTcp);
    header.fragment = 0x2000;
    auto tiny = wire::tcp(header, 1, 80, net::kTcpSyn, {});
    tiny.resize(8);  // RFC 1858
    expect_reason(wire::frame(kBalancer, kClient, {}, wire::packet(header, tiny)), XDP_DROP, "malformed",
                  "a tiny first fragment");
}

TEST_F(Fragments, OptionsOfEachLengthAreWalkedAndSentOn) {
    for (const auto& way : all_ways()) {
        if (way.vip != Family::v4) continue;
        use(way);
        for (size_t length = 4; length <= 40; length += 4) {
            SCOPED_TRACE(fmt::format("{}, {} bytes of options", way.text(), length));
            auto build = [&](Header header) {
                header.options = Bytes(length, 1);  // no-operation
                return wire::packet(header, wire::tcp(header, 9, 80, net::kTcpAck, wire::counting(9)));
            };
            auto header = from_client(wire::kTcp, 0, 3);
            auto ran = run(wire::frame(kBalancer, kClient, {}, build(header)));
            EXPECT_EQ(ran.verdict, XDP_TX);
            EXPECT_EQ(ran.frame, delivered(build(changed(header)), ran.frame));
        }
    }
}

struct Extension {
    const char* name;
    uint8_t type;
};
const Extension kExtensions[] = {{"hop-by-hop", 0}, {"routing", 43},     {"fragment", 44},
                                 {"AH", 51},        {"destination", 60}, {"mobility", 135}};

/// The header's bytes, `words` of eight long where that is its choice, which `next` follows.
Bytes extension(uint8_t type, uint8_t next, uint8_t words) {
    if (type == 44) return wire::fragment_header(next, 0, 5);  // atomic: RFC 6946
    if (type == 51) {
        Bytes out(8u + 8u * words);
        out[0] = next;
        out[1] = static_cast<uint8_t>(out.size() / 4 - 2);
        return out;
    }
    Bytes out(8u * words);
    out[0] = next;
    out[1] = static_cast<uint8_t>(words - 1);
    return out;
}

/// A chain of headers that ends with TCP.
Bytes chain(const std::vector<uint8_t>& types, uint8_t words = 1) {
    Bytes out;
    for (size_t i = 0; i < types.size(); i++)
        out = out + extension(types[i], i + 1 < types.size() ? types[i + 1] : wire::kTcp, words);
    return out;
}

TEST_F(Fragments, ExtensionHeadersAreWalkedAndSentOn) {
    for (const auto& way : all_ways()) {
        if (way.vip != Family::v6) continue;
        use(way);
        for (const auto& one : kExtensions)
            for (uint8_t words : {1, 2, 3, 16}) {
                SCOPED_TRACE(fmt::format("{}, {} of {} words", way.text(), one.name, words));
                expect_delivered(one.type, chain({one.type}, words));
                for (const auto& other : kExtensions)
                    expect_delivered(one.type, chain({one.type, other.type}, words));
            }
        for (size_t count = 3; count <= 8; count++) {
            std::vector<uint8_t> types(count);
            for (size_t i = 0; i < count; i++) types[i] = kExtensions[i % std::size(kExtensions)].type;
            SCOPED_TRACE(fmt::format("{}, {} headers", way.text(), count));
            expect_delivered(types[0], chain(types));
        }
    }
}

TEST_F(Fragments, MoreThanEightExtensionHeadersAreDropped) {
    use({model::ForwardKind::ipip, Family::v6, Family::v4});
    auto build = [&](const std::vector<uint8_t>& types, uint8_t words) {
        auto header = from_client(wire::kTcp);
        auto segment = wire::tcp(header, 1000, 80, net::kTcpAck, {});
        header.protocol = types[0];
        return wire::frame(kBalancer, kClient, {}, wire::packet(header, chain(types, words) + segment));
    };
    EXPECT_EQ(run(build(std::vector<uint8_t>(8, 60), 1)).verdict, XDP_TX);
    expect_reason(build(std::vector<uint8_t>(9, 60), 1), XDP_DROP, "extension_header", "nine");
    expect_reason(build(std::vector<uint8_t>(8, 60), 64), XDP_DROP, "extension_header", "4 kB of them");
}

TEST_F(Fragments, HeadersBehindThePacketsEndAreNoHeaders) {
    use({model::ForwardKind::ipip, Family::v4, Family::v4});
    auto header = from_client(wire::kTcp);
    auto short_by = [&](Bytes segment, size_t size) {
        auto padding = Bytes(segment.begin() + static_cast<long>(size), segment.end());
        segment.resize(size);
        return wire::frame(kBalancer, kClient, {}, wire::packet(header, segment)) + padding;
    };
    for (size_t size = 0; size < 20; size++)
        expect_reason(short_by(wire::tcp(header, 1, 80, net::kTcpAck, {}), size), XDP_DROP, "malformed",
                      fmt::format("{} bytes of TCP, the others padding", size));
    header.protocol = wire::kUdp;
    for (size_t size = 0; size < 8; size++)
        expect_reason(short_by(wire::udp(header, 1, 53, {}), size), XDP_DROP, "malformed",
                      fmt::format("{} bytes of UDP, the others padding", size));
    use({model::ForwardKind::ipip, Family::v6, Family::v4});
    header = from_client(wire::kTcp);
    for (size_t size = 0; size < 20; size++)
        expect_reason(short_by(wire::tcp(header, 1, 80, net::kTcpAck, {}), size), XDP_DROP, "malformed",
                      fmt::format("{} bytes of TCP over IPv6, the others padding", size));
}

TEST_F(Fragments, FramesWithTwoTagsPassUntouched) {
    use({model::ForwardKind::ipip, Family::v4, Family::v4});
    auto header = from_client(wire::kTcp);
    auto tagged =
        wire::frame(kBalancer, kClient, 10, wire::packet(header, wire::tcp(header, 1, 80, net::kTcpSyn, {})));
    for (uint16_t type : {0x88a8, 0x8100, 0x9100}) {
        auto twice = tagged;
        auto outer = wire::u16(type) + wire::u16(20);
        twice.insert(twice.begin() + 12, outer.begin(), outer.end());
        expect_reason(twice, XDP_PASS, "not_ip", fmt::format("outer type {:x}", type));
    }
}

}  // namespace
}  // namespace weir::engine::xdp
