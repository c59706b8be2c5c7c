// ICMP by the datapath: what it answers, what it sends on, what it says of packets that go no further.
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <algorithm>
#include <set>

#include "tests/packet/ways.h"

namespace weir::engine::xdp {
namespace {

using net::Family;
using wire::Header;
using wire::operator+;

constexpr size_t kMostEmbedded = 128;
constexpr uint16_t kTag = 0x600a;  // priority 3, VLAN 10

struct Error {
    uint8_t type, code;
};
const Error kErrors4[] = {{3, 1}, {3, 3}, {3, 4}, {11, 0}, {12, 0}};
const Error kErrors6[] = {{1, 4}, {2, 0}, {3, 0}, {4, 1}};

class Icmp : public WaysTest {
  protected:
    uint8_t icmp_protocol() const { return way_.vip == Family::v4 ? wire::kIcmp : wire::kIcmpv6; }
    Ip router() const { return *Ip::parse(way_.vip == Family::v4 ? "203.0.113.9" : "2001:db8:77::9"); }

    void use_vip(Family family) { use({model::ForwardKind::ipip, family, Family::v4}); }

    Bytes echo_request(uint16_t number = 1, std::optional<uint16_t> tag = {}) const {
        auto header = from_client(icmp_protocol(), 0x10, 3);
        if (header.source.is_v4()) header.options = {1, 1, 1, 0};
        auto message =
            wire::icmp(header, way_.vip == Family::v4 ? 8 : 128, 0, 0x77770000u | number, wire::counting(57));
        return wire::frame(kBalancer, kClient, tag, wire::packet(header, message));
    }

    Bytes client_packet(uint16_t port, size_t payload, uint8_t hops = 64) const {
        auto header = from_client(wire::kTcp, 0, hops);
        return wire::packet(header, wire::tcp(header, port, 80, net::kTcpAck, wire::counting(payload)));
    }

    /// An error of the router about a packet from the VIP to the client's port.
    Bytes error(const Header& header, Error what, uint16_t port, size_t embedded = 64) const {
        Header answer{.source = vip(), .destination = client(), .protocol = wire::kTcp};
        auto about = wire::packet(answer, wire::tcp(answer, 80, port, net::kTcpAck, wire::counting(500)));
        about.resize(embedded);
        return wire::packet(header, wire::icmp(header, what.type, what.code, 1400, about));
    }
    Header from_router() const {
        return {.source = router(), .destination = vip(), .protocol = icmp_protocol(), .tos = 0xc0};
    }

    /// What weir tells the sender of `packet`.
    Bytes told(const Bytes& packet, uint8_t type, uint8_t code, uint32_t rest,
               std::optional<uint16_t> tag = {}) const {
        Header header{.source = vip(), .destination = client(), .protocol = icmp_protocol(), .fragment = 0};
        auto about = packet;
        about.resize(std::min(packet.size() & ~size_t{3}, kMostEmbedded));
        return wire::frame(kClient, kBalancer, tag,
                           wire::packet(header, wire::icmp(header, type, code, rest, about)));
    }
    Bytes told_too_big(const Bytes& packet, uint32_t mtu, std::optional<uint16_t> tag = {}) const {
        return way_.vip == Family::v4 ? told(packet, 3, 4, mtu, tag) : told(packet, 2, 0, mtu, tag);
    }
    Bytes told_expired(const Bytes& packet, std::optional<uint16_t> tag = {}) const {
        return way_.vip == Family::v4 ? told(packet, 11, 0, 0, tag) : told(packet, 3, 0, 0, tag);
    }

    void expect_only(const char* reason, const std::string& what) {
        EXPECT_EQ(new_reasons(), (std::map<std::string, uint64_t>{{reason, 1}})) << what;
        EXPECT_EQ(new_packets(), 0u) << what;
    }
};

TEST_F(Icmp, AnswersEchoRequestsToVips) {
    for (auto family : {Family::v4, Family::v6})
        for (auto tag : {std::optional<uint16_t>{}, std::optional<uint16_t>{kTag}}) {
            use_vip(family);
            new_reasons();
            auto ran = run(echo_request(1, tag));
            EXPECT_EQ(ran.verdict, XDP_TX);
            expect_only("echo", "an echo request");
            auto header = from_client(icmp_protocol(), 0x10, 64);
            std::swap(header.source, header.destination);
            if (family == Family::v4) header.options = {1, 1, 1, 0};
            auto message =
                wire::icmp(header, family == Family::v4 ? 0 : 129, 0, 0x77770001, wire::counting(57));
            EXPECT_EQ(ran.frame, wire::frame(kClient, kBalancer, tag, wire::packet(header, message)));
        }
}

TEST_F(Icmp, AnswersNoEchoThatIsForNobodyOrForAnotherMac) {
    use_vip(Family::v4);
    ASSERT_TRUE(tables_->set_ports({{1, {kBalancer, false}}}));
    auto request = echo_request();
    request[5] ^= 1;
    expect_reason(request, XDP_PASS, "not_for_us", "of another machine");
    request = echo_request();
    std::fill_n(request.begin(), 6, uint8_t{0xff});
    expect_reason(request, XDP_PASS, "not_for_us", "to everybody");
    EXPECT_EQ(run(echo_request()).verdict, XDP_TX);
}

TEST_F(Icmp, AnswersNoEchoOfNoHost) {
    for (const char* text : {"224.0.0.1", "255.255.255.255", "0.0.0.0", "127.0.0.1", "ff02::1", "::"}) {
        auto source = *Ip::parse(text);
        use_vip(source.family());
        auto header = from_client(icmp_protocol());
        header.source = source;
        auto message = wire::icmp(header, source.is_v4() ? 8 : 128, 0, 1, wire::counting(8));
        expect_reason(wire::frame(kBalancer, kClient, {}, wire::packet(header, message)), XDP_DROP,
                      "malformed", text);
    }
}

TEST_F(Icmp, AnswersNoEchoWhereThatIsOff) {
    plan_.icmp.echo = false;
    for (auto family : {Family::v4, Family::v6}) {
        use_vip(family);
        expect_reason(echo_request(), XDP_DROP, "unmatched", "off");
    }
}

TEST_F(Icmp, SendsNoMoreOfItsOwnThanTheRateAllows) {
    plan_.icmp.rate = 5;
    use_vip(Family::v4);
    auto expiring = wire::frame(kBalancer, kClient, {}, client_packet(1000, 0, 1));
    new_reasons();
    std::map<uint32_t, int> echoes, errors;
    for (int i = 0; i < 300; i++) {
        echoes[run(echo_request()).verdict]++;
        errors[run(expiring).verdict]++;
    }
    // The second may end within the loop, and the kernel may move the test to another processor.
    EXPECT_GE(echoes[XDP_TX] + errors[XDP_TX], 5);
    EXPECT_LE(echoes[XDP_TX] + errors[XDP_TX], 50);
    EXPECT_EQ(echoes[XDP_TX] + echoes[XDP_DROP], 300);
    EXPECT_EQ(errors[XDP_TX] + errors[XDP_DROP], 300);
    auto reasons = new_reasons();
    EXPECT_EQ(reasons["echo"], static_cast<uint64_t>(echoes[XDP_TX]));
    EXPECT_EQ(reasons["echo_limited"], static_cast<uint64_t>(echoes[XDP_DROP]));
    EXPECT_EQ(reasons["expired"], 300u) << "counted, whether told or not";
}

TEST_F(Icmp, SendsErrorsToTheBackendOfTheFlowThatTheyAreAbout) {
    for (const auto& way : all_ways()) {
        use(way, 5);
        std::map<uint16_t, std::pair<int, Varied>> flows;
        for (uint16_t port = 1; port < 20; port++) {
            auto ran = run(wire::frame(kBalancer, kClient, {}, client_packet(port, 0)));
            ASSERT_EQ(ran.verdict, XDP_TX) << way.text();
            auto& [backend, varied] = flows[port];
            backend = ran.frame[5];
            if (way.is_tunnel()) delivered({0x45, 0}, ran.frame, backend, &varied);
        }
        for (int i = 1; i <= 5; i++) set_accepts(i, i < 3 ? Accepts::established : Accepts::all);
        apply();  // so the ring alone would choose others for some
        new_reasons();
        uint64_t sent = 0;
        new_packets();
        for (auto what : way.vip == Family::v4 ? std::span<const Error>(kErrors4) : std::span(kErrors6))
            for (const auto& [port, flow] : flows) {
                SCOPED_TRACE(fmt::format("{}, type {}, port {}", way.text(), what.type, port));
                auto header = from_router();
                auto ran = run(wire::frame(kBalancer, kClient, {}, error(header, what, port)));
                ASSERT_EQ(ran.verdict, XDP_TX);
                Varied varied;
                auto [backend, of_flow] = flow;
                auto out = error(changed(header, backend), what, port);
                EXPECT_EQ(ran.frame, delivered(out, ran.frame, backend, &varied));
                EXPECT_EQ(varied.source, of_flow.source) << "leaves the tunnel as its flow does";
                sent++;
            }
        EXPECT_TRUE(new_reasons().empty());
        EXPECT_EQ(new_packets(), sent);
    }
}

TEST_F(Icmp, FindsTheFlowBehindExtensionHeaders) {
    const Bytes options{wire::kTcp, 0, 1, 4, 0, 0, 0, 0};
    for (const auto& way : all_ways()) {
        if (way.vip != Family::v6) continue;
        use(way);
        ASSERT_EQ(run(wire::frame(kBalancer, kClient, {}, client_packet(7, 0))).verdict, XDP_TX);
        for (bool fragment : {false, true}) {
            SCOPED_TRACE(fmt::format("{}, {}", way.text(), fragment ? "a first fragment" : "options"));
            auto build = [&](const Header& header, uint16_t offset) {
                Header answer{.source = vip(), .destination = client(), .protocol = wire::kTcp};
                auto segment = wire::tcp(answer, 80, 7, net::kTcpAck, wire::counting(500));
                auto headers = fragment ? wire::fragment_header(wire::kTcp, offset | 1, 5) : options;
                answer.protocol = fragment ? 44 : 60;
                return wire::packet(header,
                                    wire::icmp(header, 2, 0, 1400, wire::packet(answer, headers + segment)));
            };
            auto header = from_router();
            auto ran = run(wire::frame(kBalancer, kClient, {}, build(header, 0)));
            EXPECT_EQ(ran.verdict, XDP_TX);
            EXPECT_EQ(ran.frame, delivered(build(changed(header), 0), ran.frame));
            if (fragment)
                expect_reason(wire::frame(kBalancer, kClient, {}, build(header, 80)), XDP_DROP, "unmatched",
                              "a later one");
        }
    }
}

TEST_F(Icmp, TakesErrorsWithTheLeastThatRfc792AsksFor) {
    for (auto family : {Family::v4, Family::v6}) {
        use_vip(family);
        auto flow = run(wire::frame(kBalancer, kClient, {}, client_packet(7, 0)));
        auto header = from_router();
        auto least = (family == Family::v4 ? 20u : 40u) + 8u;
        auto in = error(header, {3, 0}, 7, least);
        auto ran = run(wire::frame(kBalancer, kClient, {}, in));
        EXPECT_EQ(ran.frame, delivered(error(changed(header), {3, 0}, 7, least), ran.frame));
    }
}

TEST_F(Icmp, DropsErrorsThatAreAboutNoFlowOfTheVip) {
    for (auto family : {Family::v4, Family::v6}) {
        use_vip(family);
        auto frame = [&](const Bytes& packet) { return wire::frame(kBalancer, kClient, {}, packet); };
        Error what = family == Family::v4 ? Error{3, 1} : Error{1, 4};
        auto good = frame(error(from_router(), what, 1000));
        const size_t embedded = 14 + (family == Family::v4 ? 20 : 40) + 8;
        auto with = [&](size_t at, uint8_t value) {
            auto bad = good;
            bad[embedded + at] = value;
            return bad;
        };
        // Also where the embedded packet's source is a VIP of nobody: the outer destination is what counts.
        expect_reason(with(family == Family::v4 ? 15 : 23, 77), XDP_DROP, "malformed", "another source");
        expect_reason(with(0, 0x25), XDP_DROP, "malformed", "another version");
        expect_reason(with(family == Family::v4 ? 20 : 40, 77), XDP_DROP, "unmatched", "another port");
        if (family == Family::v4) {
            expect_reason(with(7, 9), XDP_DROP, "unmatched", "a later fragment");
            expect_reason(with(0, 0x44), XDP_DROP, "malformed", "a header of 16 bytes");
        }
        for (size_t size = 0; size < (family == Family::v4 ? 24 : 44); size++)
            expect_reason(frame(error(from_router(), what, 1000, size)), XDP_DROP, "truncated",
                          fmt::format("{} bytes of the packet", size));
    }
}

TEST_F(Icmp, SaysHowMuchTheWayTakes) {
    for (const auto& way : all_ways()) {
        if (!way.is_tunnel()) continue;
        for (auto tag : {std::optional<uint16_t>{}, std::optional<uint16_t>{kTag}})
            for (size_t longer : {1, 2, 3, 4, 100, 5000}) {
                SCOPED_TRACE(fmt::format("{}, {}, {} too long", way.text(), tag ? "tagged" : "", longer));
                use(way, 1, {}, 1450);
                new_reasons();
                new_packets();
                auto room = 1450 - way.growth();
                auto packet = client_packet(1, room + longer - (way.vip == Family::v4 ? 40 : 60));
                auto ran = run(wire::frame(kBalancer, kClient, tag, packet));
                EXPECT_EQ(ran.verdict, XDP_TX);
                EXPECT_EQ(ran.frame, told_too_big(packet, static_cast<uint32_t>(room), tag));
                expect_only("too_big", way.text());
            }
    }
}

TEST_F(Icmp, NeverSaysThatIpv6TakesLessThan1280) {
    use({model::ForwardKind::gue, Family::v6, Family::v6}, 1, {}, 1300);
    auto packet = client_packet(1, 1250 - 60);
    EXPECT_EQ(run(wire::frame(kBalancer, kClient, {}, packet)).frame, told_too_big(packet, 1280));
}

TEST_F(Icmp, SaysWhereAPacketsHopsEnded) {
    for (const auto& way : all_ways())
        for (uint8_t hops : {1, 0})
            for (auto tag : {std::optional<uint16_t>{}, std::optional<uint16_t>{kTag}}) {
                SCOPED_TRACE(way.text());
                use(way);
                new_reasons();
                new_packets();
                auto packet = client_packet(1, 3, hops);
                // Padded, and of a size that is no multiple of four.
                auto ran = run(wire::frame(kBalancer, kClient, tag, packet) + Bytes(10, 0xee));
                EXPECT_EQ(ran.verdict, XDP_TX);
                EXPECT_EQ(ran.frame, told_expired(packet, tag));
                expect_only("expired", way.text());
            }
}

TEST_F(Icmp, TellsNobodyOfErrorsNorWhoIsNoHost) {
    for (auto family : {Family::v4, Family::v6}) {
        use_vip(family);
        auto header = from_router();
        header.hops = 1;
        Error what = family == Family::v4 ? Error{3, 1} : Error{1, 4};
        expect_reason(wire::frame(kBalancer, kClient, {}, error(header, what, 80)), XDP_DROP, "expired",
                      "an error");
        for (const char* source : {"224.0.0.1", "255.255.255.255", "0.0.0.0", "127.0.0.1", "ff02::1", "::"}) {
            auto sender = *Ip::parse(source);
            if (sender.family() != family) continue;
            auto from = from_client(wire::kTcp, 0, 1);
            from.source = sender;
            auto packet = wire::packet(from, wire::tcp(from, 1, 80, net::kTcpSyn, {}));
            expect_reason(wire::frame(kBalancer, kClient, {}, packet), XDP_DROP, "expired", source);
        }
    }
}

}  // namespace
}  // namespace weir::engine::xdp
