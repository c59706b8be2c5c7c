// What NAT does to ICMP errors, with the packet that they embed, and to fragments: RFC 5508, RFC 791, 8200.
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include "net/checksum.h"
#include "tests/packet/nat_fixture.h"

namespace weir::engine::xdp {
namespace {

constexpr uint8_t kIcmp = 1, kIcmp6 = 58, kFragmentHeader = 44;

void append(Bytes& to, std::span<const uint8_t> bytes) {
    to.insert(to.end(), bytes.begin(), bytes.end());
}
void put(Bytes& bytes, size_t at, uint16_t value) {
    bytes[at] = static_cast<uint8_t>(value >> 8);
    bytes[at + 1] = static_cast<uint8_t>(value);
}
size_t header_of(const Bytes& ip) {
    return ip[0] >> 4 == 4 ? 20 : 40;
}
void set_header_checksum(Bytes& ip) {
    if (ip[0] >> 4 != 4) return;
    put(ip, 10, 0);
    put(ip, 10, net::Checksum().add(std::span(ip).first(20)).value());
}

/// A part of a packet's data; offsets are in bytes.
struct Piece {
    uint16_t offset = 0;
    bool more = false;
};

Bytes ip_packet(const Ip& source, const Ip& destination, uint8_t protocol, uint8_t hops, const Bytes& data,
                std::optional<Piece> piece = {}) {
    Bytes ip;
    auto field = piece ? static_cast<uint16_t>(piece->offset | (piece->more ? 1 : 0)) : uint16_t{0};
    if (source.is_v4()) {
        ip = {0x45, 0, 0, 0, 0x12, 0x34, 0x40, 0, hops, protocol, 0, 0};
        put(ip, 2, static_cast<uint16_t>(20 + data.size()));
        if (piece) put(ip, 6, static_cast<uint16_t>(piece->offset / 8 | (piece->more ? 0x2000 : 0)));
    } else {
        ip = {0x60, 0, 0, 0, 0, 0, piece ? kFragmentHeader : protocol, hops};
        put(ip, 4, static_cast<uint16_t>(data.size() + (piece ? 8 : 0)));
    }
    append(ip, source.bytes());
    append(ip, destination.bytes());
    if (piece && !source.is_v4()) {
        append(ip, Bytes{protocol, 0, 0, 0, 0x12, 0x34, 0x56, 0x78});
        put(ip, 42, field);
    }
    set_header_checksum(ip);
    append(ip, data);
    return ip;
}

Bytes frame_of(const Mac& destination, const Mac& source, const Bytes& ip) {
    Bytes frame;
    append(frame, destination.bytes);
    append(frame, source.bytes);
    append(frame, ip[0] >> 4 == 4 ? Bytes{8, 0} : Bytes{0x86, 0xdd});
    append(frame, ip);
    return frame;
}

struct Error {
    uint8_t type, code;
};
std::vector<Error> errors_of(Family family) {
    if (family == Family::v4) return {{3, 1}, {3, 3}, {3, 4}, {11, 0}, {12, 0}};
    return {{1, 4}, {2, 0}, {3, 0}, {4, 1}};
}

/// About the first bytes of a packet.
Bytes error(const Ip& source, const Ip& destination, uint8_t hops, Error what, const Bytes& about) {
    bool v4 = source.is_v4();
    Bytes icmp = {what.type, what.code, 0, 0, 0, 0, 5, 0};
    append(icmp, about);
    net::Checksum sum;
    if (!v4) {
        const uint8_t tail[] = {0, kIcmp6, static_cast<uint8_t>(icmp.size() >> 8),
                                static_cast<uint8_t>(icmp.size())};
        sum.add(source.bytes()).add(destination.bytes()).add(tail);
    }
    put(icmp, 2, sum.add(icmp).value());
    return ip_packet(source, destination, v4 ? kIcmp : kIcmp6, hops, icmp);
}

Bytes too_big(const Ip& source, const Ip& destination, uint8_t hops, const Bytes& about) {
    return error(source, destination, hops, source.is_v4() ? Error{3, 4} : Error{2, 0}, about);
}

/// The packet with other ends, its transport checksum as it was.
Bytes with_ends(Bytes ip, const Endpoint& source, const Endpoint& destination) {
    size_t header = header_of(ip), length = source.address.bytes().size();
    std::ranges::copy(source.address.bytes(), ip.begin() + static_cast<long>(header - 2 * length));
    std::ranges::copy(destination.address.bytes(), ip.begin() + static_cast<long>(header - length));
    put(ip, header, source.port.value());
    put(ip, header + 2, destination.port.value());
    set_header_checksum(ip);
    return ip;
}

Bytes ip_of(const net::PacketSpec& spec) {
    auto frame = net::build_frame(spec);
    return {frame.begin() + 14, frame.end()};
}

/// Options that do nothing between the IP header and what it carries.
Bytes with_options(Bytes ip) {
    bool v4 = ip[0] >> 4 == 4;
    auto header = static_cast<long>(header_of(ip));
    const Bytes options = v4 ? Bytes{1, 1, 1, 0} : Bytes{ip[6], 0, 1, 4, 0, 0, 0, 0};
    ip.insert(ip.begin() + header, options.begin(), options.end());
    if (v4) {
        ip[0]++;
        put(ip, 2, static_cast<uint16_t>(ip.size()));
        put(ip, 10, 0);
        put(ip, 10, net::Checksum().add(std::span(ip).first(24)).value());
    } else {
        ip[6] = 60;
        put(ip, 4, static_cast<uint16_t>(ip.size() - 40));
    }
    return ip;
}

class NatIcmpTest : public NatTest {
  protected:
    static Ip router(const Kind& kind) {
        return *Ip::parse(kind.family == Family::v4 ? "203.0.113.9" : "2001:db8:99::9");
    }
    /// Opens a flow; what the backend sees of it.
    net::PacketSpec open(const Kind& kind) const {
        ask(from_client(kind, net::kTcpSyn), kind);
        return ask(from_client(kind), kind);
    }
};

TEST_F(NatIcmpTest, TranslatesErrorsWithWhatTheyEmbedBothWays) {
    for (const auto& kind : every_kind()) {
        SCOPED_TRACE(text(kind));
        serve(kind);
        auto spec = from_client(kind);
        auto got = open(kind);
        auto answer_spec = answer(got);
        answer_spec.payload = spec.payload = 200;
        auto asked = got;
        asked.payload = 200;
        auto told = ip_of(back(answer_spec, spec)), sent = ip_of(asked);
        for (size_t cut : {8, 9, 11, 20, 21, 100, 201}) {
            auto first = [&](const Bytes& ip) {
                return Bytes(ip.begin(), ip.begin() + static_cast<long>(header_of(ip) + cut));
            };
            // A router on the way to the client could not send the answer on.
            auto in = too_big(router(kind), spec.destination.address, 64, first(told));
            auto out = too_big(router(kind), got.destination.address, 63,
                               with_ends(first(told), got.destination, got.source));
            auto ran = run(frame_of(kBalancer, kClient, in));
            EXPECT_EQ(ran.verdict, XDP_TX);
            EXPECT_EQ(ran.frame, frame_of(mac_of(1), kBalancer, out)) << "to the backend, " << cut;
            // A router on the way to the backend could not send the question on.
            in = too_big(router(kind), got.source.address, 64, first(sent));
            out = too_big(spec.destination.address, spec.source.address, 63,
                          with_ends(first(sent), spec.source, spec.destination));
            ran = run(frame_of(kBalancer, mac_of(1), in));
            EXPECT_EQ(ran.verdict, XDP_TX);
            EXPECT_EQ(ran.frame, frame_of(kClient, kBalancer, out)) << "to the client, " << cut;
        }
        EXPECT_TRUE(answered(got, spec)) << "the flow goes on";
    }
}

TEST_F(NatIcmpTest, TranslatesEachKindOfErrorBothWays) {
    for (auto family : {Family::v4, Family::v6}) {
        Kind kind{family, net::kUdp, true, true};
        serve(kind);
        auto spec = from_client(kind);
        ask(spec, kind);
        auto got = ask(spec, kind);
        auto told = ip_of(back(answer(got), spec)), sent = ip_of(got);
        for (auto what : errors_of(family)) {
            SCOPED_TRACE(fmt::format("{}, type {} code {}", text(kind), what.type, what.code));
            auto ran = run(
                frame_of(kBalancer, kClient, error(router(kind), spec.destination.address, 64, what, told)));
            EXPECT_EQ(ran.frame, frame_of(mac_of(1), kBalancer,
                                          error(router(kind), got.destination.address, 63, what,
                                                with_ends(told, got.destination, got.source))));
            ran =
                run(frame_of(kBalancer, mac_of(1), error(router(kind), got.source.address, 64, what, sent)));
            EXPECT_EQ(ran.frame, frame_of(kClient, kBalancer,
                                          error(spec.destination.address, spec.source.address, 63, what,
                                                with_ends(sent, spec.source, spec.destination))));
        }
    }
}

TEST_F(NatIcmpTest, TranslatesBehindOptionsAndExtensionHeaders) {
    for (const auto& kind : every_kind()) {
        SCOPED_TRACE(text(kind));
        serve(kind);
        auto spec = from_client(kind);
        auto got = ask(spec, kind);
        auto reply = answer(got);
        spec.payload = got.payload = reply.payload = 100;
        auto turned = back(reply, spec);
        for (const auto& [in, out] : {std::pair(spec, got), {reply, turned}})
            EXPECT_EQ(run(frame_of(in.destination_mac, in.source_mac, with_options(ip_of(in)))).frame,
                      frame_of(out.destination_mac, out.source_mac, with_options(ip_of(out))));
    }
}

TEST_F(NatIcmpTest, TranslatesWhatIsEmbeddedBehindExtensionHeaders) {
    Kind kind{Family::v6, net::kTcp, true, true};
    serve(kind);
    auto spec = from_client(kind);
    auto got = open(kind);
    auto in =
        too_big(router(kind), spec.destination.address, 64, with_options(ip_of(back(answer(got), spec))));
    auto out = too_big(router(kind), got.destination.address, 63,
                       with_options(with_ends(ip_of(back(answer(got), spec)), got.destination, got.source)));
    auto ran = run(frame_of(kBalancer, kClient, in));
    EXPECT_EQ(ran.verdict, XDP_TX);
    EXPECT_EQ(ran.frame, frame_of(mac_of(1), kBalancer, out));
}

TEST_F(NatIcmpTest, LeavesErrorsAboutUnknownFlowsAlone) {
    Kind kind;
    serve(kind);
    auto spec = from_client(kind);
    auto got = there(spec, kind, spec.source);
    auto to_vip = too_big(router(kind), spec.destination.address, 64, ip_of(back(answer(got), spec)));
    expect_reason(frame_of(kBalancer, kClient, to_vip), XDP_DROP, "unmatched", "to the VIP");
    auto to_client = too_big(router(kind), spec.source.address, 64, ip_of(got));
    expect_reason(frame_of(kBalancer, mac_of(1), to_client), XDP_PASS, "not_vip", "to a client");
}

TEST_F(NatIcmpTest, SendsFragmentsAfterTheirFirstBothWays) {
    for (auto family : {Family::v4, Family::v6})
        for (bool full : {false, true}) {
            Kind kind{family, net::kUdp, true, full};
            SCOPED_TRACE(text(kind));
            serve(kind);
            auto spec = from_client(kind);
            auto got = ask(spec, kind);
            auto reply = answer(got);
            auto expect_pieces = [&](net::PacketSpec in, net::PacketSpec out) {
                in.payload = out.payload = 3001;
                auto whole = ip_of(in), translated = ip_of(out);
                auto header = static_cast<long>(header_of(whole));
                for (uint16_t at = 0; at < 3009; at = static_cast<uint16_t>(at + 1200)) {
                    Piece piece{at, at + 1200 < 3009};
                    auto cut = [&](const net::PacketSpec& of, const Bytes& ip) {
                        auto begin = ip.begin() + header + at;
                        Bytes data(begin, piece.more ? begin + 1200 : ip.end());
                        return frame_of(of.destination_mac, of.source_mac,
                                        ip_packet(of.source.address, of.destination.address, of.protocol,
                                                  of.ttl, data, piece));
                    };
                    auto ran = run(cut(in, whole));
                    EXPECT_EQ(ran.verdict, XDP_TX) << at;
                    EXPECT_EQ(ran.frame, cut(out, translated)) << at;
                }
            };
            expect_pieces(spec, got);
            expect_pieces(reply, back(reply, spec));
        }
}

TEST_F(NatIcmpTest, EndsFragmentsWhoseHopsEnd) {
    Kind kind{Family::v4, net::kUdp};
    serve(kind);
    auto spec = from_client(kind);
    auto got = ask(spec, kind);
    for (bool to_client : {false, true}) {
        auto from = to_client ? answer(got) : spec;
        auto piece = [&](uint16_t offset, uint8_t hops) {
            auto data = ip_of(from);
            data.erase(data.begin(), data.begin() + 20);
            return frame_of(from.destination_mac, from.source_mac,
                            ip_packet(from.source.address, from.destination.address, net::kUdp, hops, data,
                                      Piece{offset, offset == 0}));
        };
        ASSERT_EQ(run(piece(0, 64)).verdict, XDP_TX);
        for (uint8_t hops : {1, 0}) expect_reason(piece(1200, hops), XDP_DROP, "expired", "a later one");
        EXPECT_EQ(run(piece(1200, 2)).verdict, XDP_TX);
    }
}

TEST_F(NatIcmpTest, DropsFragmentsThatComeBeforeTheirFirst) {
    Kind kind{Family::v4, net::kUdp};
    serve(kind);
    auto spec = from_client(kind);
    auto later =
        ip_packet(spec.source.address, spec.destination.address, net::kUdp, 64, Bytes(100), Piece{1200});
    expect_reason(frame_of(kBalancer, kClient, later), XDP_DROP, "fragment", "from the client");
    later = ip_packet(address_of(1), spec.source.address, net::kUdp, 64, Bytes(100), Piece{1200});
    expect_reason(frame_of(kBalancer, mac_of(1), later), XDP_PASS, "not_vip", "from a backend");
}

}  // namespace
}  // namespace weir::engine::xdp
