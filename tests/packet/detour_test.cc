// The probes' way, packet by packet, run by the kernel itself. What comes out is compared with frames from
// net/packet.h and lab/envelope.h, which share nothing with the programs.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>

#include <string>
#include <vector>

#include "engine/xdp/target_row.h"
#include "lab/envelope.h"
#include "net/checksum.h"
#include "net/packet.h"
#include "tests/packet/detour_fixture.h"

namespace weir {
namespace {

using Bytes = std::vector<uint8_t>;
using model::ForwardKind;

constexpr uint8_t kTrafficClass = 0xb9;
constexpr uint8_t kHops = 61;
constexpr uint8_t kCarriers[] = {net::kTcp, net::kUdp, net::kIcmp};  // the last for ICMPv6 too
constexpr size_t kEthernet = 14;
net::Ip ip(const char* text) {
    return *net::Ip::parse(text);
}

/// Of an echo the identifier is the port on the balancer's side.
struct Segment {
    net::Endpoint source, destination;
    uint8_t carrier = net::kTcp;
    bool answer = false;
    uint8_t traffic_class = kTrafficClass;

    Segment back() const { return {destination, source, carrier, !answer}; }
    bool is_v4() const { return source.address.is_v4(); }
    size_t header() const { return is_v4() ? 20 : 40; }
    uint8_t protocol() const { return carrier == net::kIcmp && !is_v4() ? net::kIcmpV6 : carrier; }
    /// Of the checksum within what IP carries.
    size_t checksum() const { return carrier == net::kTcp ? 16 : carrier == net::kUdp ? 6 : 2; }
};

uint16_t word(const Bytes& bytes, size_t at) {
    return at + 2 > bytes.size() ? 0 : static_cast<uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

void set_word(Bytes& bytes, size_t at, unsigned value) {
    bytes[at] = static_cast<uint8_t>(value >> 8);
    bytes[at + 1] = static_cast<uint8_t>(value);
}

uint16_t one_more(unsigned sum, unsigned word) {
    return static_cast<uint16_t>((sum + word) + ((sum + word) >> 16));
}

/// Of an echo request: its reply. RFC 1624 for the checksum.
void make_reply(Bytes& frame, const Segment& segment) {
    size_t type = kEthernet + segment.header(), check = type + 2;
    auto sum = one_more(~word(frame, check) & 0xffffu, ~word(frame, type) & 0xffffu);
    set_word(frame, type, segment.is_v4() ? 0 : 129 << 8);
    set_word(frame, check, ~one_more(sum, word(frame, type)));
}

/// The frame of a segment, right in every field: what goes in, and the oracle for what comes out.
Bytes frame(const Segment& segment, size_t payload = 3) {
    auto source = segment.source;
    if (segment.carrier == net::kIcmp && segment.answer) source.port = segment.destination.port;
    auto out = net::build_frame({.source_mac = kOurs,
                                 .destination_mac = kTheirs,
                                 .source = source,
                                 .destination = segment.destination,
                                 .protocol = segment.protocol(),
                                 .ttl = kHops,
                                 .tcp_flags = net::kTcpAck,
                                 .payload = payload});
    if (segment.carrier == net::kIcmp && segment.answer) make_reply(out, segment);
    uint8_t* header = out.data() + kEthernet;
    if (!segment.is_v4()) {
        header[0] |= segment.traffic_class >> 4;
        header[1] |= static_cast<uint8_t>(segment.traffic_class << 4);
        return out;
    }
    header[1] = segment.traffic_class;
    header[10] = header[11] = 0;
    set_word(out, kEthernet + 10, net::Checksum().add({header, 20}).value());
    return out;
}

struct Method {
    const char* name;
    ForwardKind kind;
    std::optional<lab::Wrapping> wrapping{};
};
constexpr Method kMethods[] = {{"dsr", ForwardKind::dsr},
                               {"ipip", ForwardKind::ipip, lab::Wrapping::ipip},
                               {"gre", ForwardKind::gre, lab::Wrapping::gre},
                               {"fou", ForwardKind::fou, lab::Wrapping::fou},
                               {"gue", ForwardKind::gue, lab::Wrapping::gue},
                               {"dscp", ForwardKind::dscp}};
constexpr uint8_t kDscp = 46;

struct Case {
    Method method;
    Addresses addresses;

    std::string name() const { return fmt::format("{}_{}", method.name, addresses.name); }
};
void PrintTo(const Case& each, std::ostream* out) {
    *out << each.name();
}
std::vector<Case> cases() {
    std::vector<Case> all;
    for (const auto& method : kMethods)
        for (const auto& addresses : kAddresses)
            if (method.kind != ForwardKind::dscp ||
                ip(addresses.backend).family() == ip(addresses.vip).family())
                all.push_back({method, addresses});
    return all;
}

class DetourPacket : public DetourPackets, public testing::WithParamInterface<Case> {
  protected:
    void SetUp() override {
        DetourPackets::SetUp();
        if (!IsSkipped() && !HasFatalFailure()) put_row(kLoopback);
    }

    /// Once for each carrier, with a row for it and none for the others.
    void with_each_carrier(auto test) {
        for (uint8_t carrier : kCarriers) {
            SCOPED_TRACE(fmt::format("protocol {}", carrier));
            carrier_ = carrier;
            remove_rows();
            put_row(kLoopback);
            test();
        }
    }

    void put_row(uint32_t device, uint16_t port = kProbePort) {
        const auto& a = addresses();
        model::Frontend frontend;
        frontend.key.vip = ip(a.vip);
        frontend.forward = {.kind = GetParam().method.kind, .dscp = kDscp};
        engine::xdp::Hop hop{
            .mac = kTheirs, .source_mac = kOurs, .interface = kLoopback, .source = ip(a.own)};
        auto target = engine::xdp::make_target(frontend, 1, {.backend = {ip(a.backend)}}, &hop, true);
        DetourPackets::put_row(a, carrier_, target, device, port);
    }

    void expect_translated_out(size_t payload = 3) {
        auto out = leave(frame(of_stack(), payload));
        EXPECT_EQ(out, (Ran{TC_ACT_UNSPEC, sent(payload, out.frame)})) << payload;
    }

    static const Addresses& addresses() { return GetParam().addresses; }
    Segment of_stack(uint16_t port = kProbePort) const {
        return {{ip(addresses().own), net::Port(port)},
                {ip(addresses().backend), net::Port(kServicePort)},
                carrier_};
    }
    Segment of_wire(uint16_t port = kProbePort) const {
        return {{ip(addresses().source), net::Port(port)},
                {ip(addresses().vip), net::Port(kServicePort)},
                carrier_};
    }

    /// What the backend gets. Where the flow shows in the outer header (flow label, UDP source port), any
    /// value is right, and taken from what really came.
    Bytes sent(size_t payload, const Bytes& real) const {
        if (GetParam().method.kind == ForwardKind::dscp) {
            auto marked = of_stack();
            marked.traffic_class = kDscp << 2 | (kTrafficClass & 3);
            return frame(marked, payload);
        }
        auto inner = frame(of_wire(), payload);
        if (!GetParam().method.wrapping) return inner;
        bool v4 = ip(addresses().own).is_v4();
        lab::Envelope envelope{.wrapping = *GetParam().method.wrapping,
                               .source = ip(addresses().own),
                               .destination = ip(addresses().backend),
                               .source_port = net::Port(word(real, kEthernet + (v4 ? 20 : 40))),
                               .port = net::Port(GetParam().method.kind == ForwardKind::fou ? 5555 : 6080),
                               .udp_checksum = false,
                               .tos = kTrafficClass};
        auto out = lab::wrap(envelope, inner);
        if (v4 || real.size() < out.size()) return out;
        out[kEthernet + 1] |= real[kEthernet + 1] & 0xf;
        std::copy_n(real.begin() + kEthernet + 2, 2, out.begin() + kEthernet + 2);
        return out;
    }

    uint8_t carrier_ = net::kTcp;
};

TEST_P(DetourPacket, TranslatesWhatLeaves) {
    with_each_carrier([&] {
        for (size_t size : {0, 1, 2, 3, 700, 1340}) expect_translated_out(size);
    });
}

TEST_P(DetourPacket, TranslatesWhatComesBack) {
    with_each_carrier([&] {
        for (size_t size : {0, 1, 2, 3, 700, 1340})
            EXPECT_EQ(enter(frame(of_wire().back(), size)),
                      (Ran{TC_ACT_UNSPEC, frame(of_stack().back(), size)}))
                << size;
    });
}

TEST_P(DetourPacket, DropsWhatComesFromTheBackendsOwnAddress) {
    with_each_carrier([&] { EXPECT_EQ(enter(frame(of_stack().back())).verdict, TC_ACT_SHOT); });
}

TEST_P(DetourPacket, LeavesADatagramWithoutChecksumWithoutOne) {
    carrier_ = net::kUdp;
    put_row(kLoopback);
    auto without_sum = [](const Segment& segment) {
        auto bytes = frame(segment);
        set_word(bytes, kEthernet + segment.header() + segment.checksum(), 0);
        return bytes;
    };
    EXPECT_EQ(enter(without_sum(of_wire().back())), (Ran{TC_ACT_UNSPEC, without_sum(of_stack().back())}));
}

TEST_P(DetourPacket, WritesTheChecksumThatComesToNothingAsAllOnes) {
    carrier_ = net::kUdp;
    auto there = of_stack();
    auto check_at = kEthernet + there.header() + there.checksum();
    // With its checksum added, the sum of a datagram is all ones.
    uint16_t port = one_more(kProbePort, word(frame(of_stack().back()), check_at));
    ASSERT_EQ(word(frame(of_stack(port).back()), check_at), 0xffff);
    put_row(kLoopback, port);
    EXPECT_EQ(enter(frame(of_wire(port).back())), (Ran{TC_ACT_UNSPEC, frame(of_stack(port).back())}));
}

TEST_P(DetourPacket, KeepsTheSumThatTheCardTook) {
    if (!with_cards_sum(frame(of_wire().back())))
        GTEST_SKIP() << "this kernel cannot run a packet with CHECKSUM_COMPLETE (6.17 can)";
    with_each_carrier([&] {
        expect_translated_out();
        EXPECT_EQ(enter(frame(of_wire().back())), (Ran{TC_ACT_UNSPEC, frame(of_stack().back())}));
    });
}

TEST_P(DetourPacket, BringsAnAnswerToTheDeviceOfTheSocket) {
    constexpr uint32_t kElsewhere = 77;
    put_row(kElsewhere);
    auto in = frame(of_wire().back());
    auto out = frame(of_stack().back());
    std::ranges::copy(kOurs.bytes, out.begin());
    EXPECT_EQ(enter(in), (Ran{TC_ACT_REDIRECT, out}));
}

TEST_P(DetourPacket, LeavesPaddingBehindThePacket) {
    auto in = frame(of_wire().back(), 0);
    auto out = frame(of_stack().back(), 0);
    in.resize(in.size() + 6);
    out.resize(out.size() + 6);
    EXPECT_EQ(enter(in), (Ran{TC_ACT_UNSPEC, out}));
}

net::Ip neighbour_of(const net::Ip& address) {
    std::array<uint8_t, 16> bytes{};
    std::ranges::copy(address.bytes(), bytes.begin());
    bytes[address.bytes().size() - 1] ^= 1;
    return address.is_v4() ? net::Ip::v4({bytes[0], bytes[1], bytes[2], bytes[3]}) : net::Ip::v6(bytes);
}

TEST_P(DetourPacket, LeavesOtherConnectionsAlone) {
    with_each_carrier([&] {
        bool echoes = carrier_ == net::kIcmp;
        for (const Segment& right : {of_stack(), of_wire().back()}) {
            auto differing = [&](auto change) {
                Segment wrong = right;
                change(wrong);
                expect_untouched(frame(wrong));
            };
            auto other = [](net::Port port) { return net::Port(port.value() + 1); };
            if (!echoes || !right.answer)
                differing([&](Segment& s) { s.source.port = other(s.source.port); });
            if (!echoes || right.answer)
                differing([&](Segment& s) { s.destination.port = other(s.destination.port); });
            if (echoes) differing([](Segment& s) { s = {s.source, s.destination, s.carrier, !s.answer}; });
            differing([](Segment& s) { s.source.address = neighbour_of(s.source.address); });
            differing([](Segment& s) { s.destination.address = neighbour_of(s.destination.address); });
            for (uint8_t carrier : kCarriers)
                if (carrier != carrier_) differing([&](Segment& s) { s.carrier = carrier; });
        }
    });
}

TEST_P(DetourPacket, LeavesTruncatedPacketsAlone) {
    with_each_carrier([&] {
        auto whole = frame(of_stack());
        size_t header = kEthernet + of_stack().header();  // the kernel runs no packet with less than that
        size_t needed = carrier_ == net::kIcmp ? 8 : 4;
        for (size_t size = header; size < header + needed; size++)
            expect_untouched(Bytes(whole.begin(), whole.begin() + static_cast<long>(size)));
    });
}

TEST_P(DetourPacket, DropsWhatItCannotTranslateWhole) {
    for (uint8_t carrier : {net::kTcp, net::kUdp}) {
        carrier_ = carrier;
        put_row(kLoopback);
        auto whole = frame(of_stack());
        size_t check = kEthernet + of_stack().header() + of_stack().checksum();
        Bytes cut(whole.begin(), whole.begin() + static_cast<long>(check + 1));
        EXPECT_EQ(leave(cut).verdict, TC_ACT_SHOT);
    }
}

TEST_P(DetourPacket, LeavesFragmentsAndOptionsAlone) {
    auto fragment = frame(of_stack(), 19);
    auto options = fragment;
    if (ip(addresses().own).is_v4()) {
        fragment[kEthernet + 6] = 0x20;  // more fragments
        options[kEthernet] = 0x46;       // six words of header
    } else {
        fragment[kEthernet + 6] = IPPROTO_FRAGMENT;  // next header
        options[kEthernet + 6] = IPPROTO_HOPOPTS;
    }
    expect_untouched(fragment);
    expect_untouched(options);
}

INSTANTIATE_TEST_SUITE_P(Methods, DetourPacket, testing::ValuesIn(cases()),
                         [](const auto& each) { return each.param.name(); });

/// What a router or a network card tells flows apart by, where the outer addresses are always the same: the
/// flow label, or the UDP source port.
class OuterFlow : public DetourPacket {
  protected:
    uint32_t of_packet(uint16_t port, size_t payload) {
        auto segment = of_stack(port);
        auto out = leave(frame(segment, payload)).frame;
        if (is_udp()) return word(out, kEthernet + segment.header());
        return (out[kEthernet + 1] & 0xfu) << 16 | word(out, kEthernet + 2);
    }
    static bool is_udp() {
        return GetParam().method.kind == ForwardKind::fou || GetParam().method.kind == ForwardKind::gue;
    }
};

TEST_P(OuterFlow, IsOneForAConnectionAndDiffersBetweenThem) {
    put_row(kLoopback, kProbePort + 1);
    EXPECT_EQ(of_packet(kProbePort, 0), of_packet(kProbePort, 700));
    EXPECT_NE(of_packet(kProbePort, 0), of_packet(kProbePort + 1, 0));
    if (is_udp()) {
        EXPECT_GE(of_packet(kProbePort, 0), 49152u) << "of the ports that belong to nobody";
    }
}

std::vector<Case> cases_with_outer_flow() {
    auto all = cases();
    std::erase_if(all, [](const Case& each) {
        bool udp = each.method.kind == ForwardKind::fou || each.method.kind == ForwardKind::gue;
        return !each.method.wrapping || (!udp && ip(each.addresses.own).is_v4());
    });
    return all;
}
INSTANTIATE_TEST_SUITE_P(Tunnels, OuterFlow, testing::ValuesIn(cases_with_outer_flow()),
                         [](const auto& each) { return each.param.name(); });

}  // namespace
}  // namespace weir
