// The probes' way, packet by packet, run by the kernel itself. What comes out is compared with frames from
// net/packet.h and lab/envelope.h, which share nothing with the programs.
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <linux/pkt_cls.h>

#include <memory>
#include <string>
#include <vector>

#include "detour.skel.h"
#include "engine/xdp/detour_abi.h"
#include "engine/xdp/target_row.h"
#include "lab/envelope.h"
#include "net/checksum.h"
#include "net/packet.h"

namespace weir {
namespace {

using Bytes = std::vector<uint8_t>;
using engine::xdp::to_abi;
using model::ForwardKind;

// Of linux/bpf.h since 6.17: the packet runs as one whose sum the card took, and the kernel compares that sum
// with the packet that comes out.
constexpr uint32_t kCardsSum = 1u << 2;

constexpr uint16_t kProbePort = 40001;
constexpr uint16_t kServicePort = 80;
constexpr uint8_t kTrafficClass = 0xb9;
constexpr uint8_t kHops = 61;
constexpr size_t kEthernet = 14;
constexpr int kLoopback = 1;  // by which the kernel runs a packet
const net::Mac kOurs = *net::Mac::parse("02:00:00:00:00:01");
const net::Mac kTheirs = *net::Mac::parse("02:00:00:00:00:02");

net::Ip ip(const char* text) {
    return *net::Ip::parse(text);
}

struct Segment {
    net::Endpoint source, destination;
    uint8_t traffic_class = kTrafficClass;
    uint8_t protocol = net::kTcp;

    Segment back() const { return {destination, source}; }
};

/// The frame of a segment, right in every field: what goes in, and the oracle for what comes out.
Bytes frame(const Segment& segment, size_t payload = 3) {
    auto out = net::build_frame({.source_mac = kOurs,
                                 .destination_mac = kTheirs,
                                 .source = segment.source,
                                 .destination = segment.destination,
                                 .protocol = segment.protocol,
                                 .ttl = kHops,
                                 .tcp_flags = net::kTcpAck,
                                 .payload = payload});
    uint8_t* header = out.data() + kEthernet;
    if (!segment.source.address.is_v4()) {
        header[0] |= segment.traffic_class >> 4;
        header[1] |= static_cast<uint8_t>(segment.traffic_class << 4);
        return out;
    }
    header[1] = segment.traffic_class;
    header[10] = header[11] = 0;
    uint16_t sum = net::Checksum().add({header, 20}).value();
    header[10] = static_cast<uint8_t>(sum >> 8);
    header[11] = static_cast<uint8_t>(sum);
    return out;
}

struct Ran {
    int verdict;
    Bytes frame;

    bool operator==(const Ran&) const = default;
};

struct Addresses {
    const char* name;
    const char* own;  // the balancer's, towards the backend's own address
    const char* backend;
    const char* source;  // the balancer's, on the wire
    const char* vip;
};
constexpr Addresses kAddresses[] = {
    {"v4ToV4", "10.1.10.100", "10.1.10.10", "10.1.10.100", "192.168.101.1"},
    {"v6ToV6", "2001:db8:1::100", "2001:db8:1::10", "2001:db8:1::100", "2001:db8::1"},
    {"v4ToV6", "10.1.10.100", "10.1.10.10", "2001:db8:1::100", "2001:db8::1"},
    {"v6ToV4", "2001:db8:1::100", "2001:db8:1::10", "10.1.10.100", "192.168.101.1"}};

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

class DetourPacket : public testing::TestWithParam<Case> {
  protected:
    void SetUp() override {
        if (geteuid() != 0) GTEST_SKIP() << "needs root to load BPF programs";
        if (!bpf_) bpf_.reset(detour_bpf__open_and_load());
        ASSERT_TRUE(bpf_);
        put_row(kLoopback);
    }

    void TearDown() override {
        for (uint16_t key : {htons(kProbePort), htons(kProbePort + 1)})
            if (bpf_) bpf_map_delete_elem(bpf_map__fd(bpf_->maps.detours), &key);
    }

    void put_row(uint32_t device, uint16_t port = kProbePort) {
        const auto& a = addresses();
        model::Frontend frontend;
        frontend.forward = {.kind = GetParam().method.kind, .dscp = kDscp};
        engine::xdp::Hop hop{
            .mac = kTheirs, .source_mac = kOurs, .interface = kLoopback, .source = ip(a.own)};
        uint8_t stack = ip(a.own).is_v4() ? WEIR_V4 : WEIR_V6, wire = ip(a.vip).is_v4() ? WEIR_V4 : WEIR_V6;
        weir_detour row{
            .stack = {to_abi(ip(a.own)), to_abi(ip(a.backend))},
            .wire = {to_abi(ip(a.source)), to_abi(ip(a.vip))},
            .stack_family = stack,
            .wire_family = wire,
            .port = htons(kServicePort),
            .device = device,
            .target = engine::xdp::make_target(frontend, 1, {.backend = {ip(a.backend)}}, &hop, true)};
        uint16_t key = htons(port);
        ASSERT_EQ(bpf_map_update_elem(bpf_map__fd(bpf_->maps.detours), &key, &row, BPF_ANY), 0);
    }

    Ran run(const bpf_program* program, const Bytes& in) {
        Bytes out(in.size() + 256);
        bpf_test_run_opts options{.sz = sizeof options,
                                  .data_in = in.data(),
                                  .data_out = out.data(),
                                  .data_size_in = static_cast<uint32_t>(in.size()),
                                  .data_size_out = static_cast<uint32_t>(out.size())};
        options.flags = with_cards_sum_ ? kCardsSum : 0;
        int failed = bpf_prog_test_run_opts(bpf_program__fd(program), &options);
        EXPECT_EQ(failed, 0) << "EBADMSG (74): skb->csum is not the packet's any more";
        out.resize(options.data_size_out);
        return {static_cast<int>(options.retval), out};
    }
    Ran leave(const Bytes& in) { return run(bpf_->progs.detour_out, in); }
    Ran enter(const Bytes& in) { return run(bpf_->progs.detour_in, in); }

    void expect_untouched(const Bytes& in) {
        EXPECT_EQ(leave(in), (Ran{TC_ACT_UNSPEC, in}));
        EXPECT_EQ(enter(in), (Ran{TC_ACT_UNSPEC, in}));
    }
    void expect_translated_out(size_t payload = 3) {
        auto out = leave(frame(of_stack(), payload));
        EXPECT_EQ(out, (Ran{TC_ACT_UNSPEC, sent(payload, out.frame)})) << payload;
    }

    static const Addresses& addresses() { return GetParam().addresses; }
    static Segment of_stack() {
        return {{ip(addresses().own), net::Port(kProbePort)},
                {ip(addresses().backend), net::Port(kServicePort)}};
    }
    static Segment of_wire() {
        return {{ip(addresses().source), net::Port(kProbePort)},
                {ip(addresses().vip), net::Port(kServicePort)}};
    }
    static size_t stack_header() { return ip(addresses().own).is_v4() ? 20 : 40; }

    /// What the backend gets. Where the flow shows in the outer header (flow label, UDP source port), any
    /// value is right, and taken from what really came.
    static Bytes sent(size_t payload, const Bytes& real) {
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
                               .source_port = net::Port(port_of(real, kEthernet + (v4 ? 20 : 40))),
                               .port = net::Port(GetParam().method.kind == ForwardKind::fou ? 5555 : 6080),
                               .udp_checksum = false,
                               .tos = kTrafficClass};
        auto out = lab::wrap(envelope, inner);
        if (v4 || real.size() < out.size()) return out;
        out[kEthernet + 1] |= real[kEthernet + 1] & 0xf;
        std::copy_n(real.begin() + kEthernet + 2, 2, out.begin() + kEthernet + 2);
        return out;
    }
    static uint16_t port_of(const Bytes& bytes, size_t at) {
        return at + 2 > bytes.size() ? 0 : static_cast<uint16_t>(bytes[at] << 8 | bytes[at + 1]);
    }

    struct Destroy {
        void operator()(detour_bpf* bpf) const { detour_bpf__destroy(bpf); }
    };
    static inline std::unique_ptr<detour_bpf, Destroy> bpf_;  // loaded once
    bool with_cards_sum_ = false;
};

TEST_P(DetourPacket, TranslatesWhatLeaves) {
    for (size_t size : {0, 1, 2, 3, 700, 1340}) expect_translated_out(size);
}

TEST_P(DetourPacket, TranslatesWhatComesBack) {
    for (size_t size : {0, 1, 2, 3, 700, 1340})
        EXPECT_EQ(enter(frame(of_wire().back(), size)), (Ran{TC_ACT_UNSPEC, frame(of_stack().back(), size)}))
            << size;
}

TEST_P(DetourPacket, KeepsTheSumThatTheCardTook) {
    auto in = frame(of_wire().back());
    bpf_test_run_opts options{
        .sz = sizeof options, .data_in = in.data(), .data_size_in = static_cast<uint32_t>(in.size())};
    options.flags = kCardsSum;
    if (bpf_prog_test_run_opts(bpf_program__fd(bpf_->progs.detour_in), &options) == -EINVAL)
        GTEST_SKIP() << "this kernel cannot run a packet with CHECKSUM_COMPLETE (6.17 can)";
    with_cards_sum_ = true;
    expect_translated_out();
    EXPECT_EQ(enter(in), (Ran{TC_ACT_UNSPEC, frame(of_stack().back())}));
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
    for (const Segment& right : {of_stack(), of_wire().back()}) {
        auto differing = [&](auto change) {
            Segment wrong = right;
            change(wrong);
            expect_untouched(frame(wrong));
        };
        differing([](Segment& s) { s.source.port = net::Port(s.source.port.value() + 1); });
        differing([](Segment& s) { s.destination.port = net::Port(s.destination.port.value() + 1); });
        differing([](Segment& s) { s.source.address = neighbour_of(s.source.address); });
        differing([](Segment& s) { s.destination.address = neighbour_of(s.destination.address); });
        differing([](Segment& s) { s.protocol = net::kUdp; });
    }
}

TEST_P(DetourPacket, LeavesTruncatedPacketsAlone) {
    auto whole = frame(of_stack());
    size_t header = kEthernet + stack_header();  // the kernel runs no packet with less than that
    for (size_t size = header; size < header + 4; size++)
        expect_untouched(Bytes(whole.begin(), whole.begin() + static_cast<long>(size)));
}

TEST_P(DetourPacket, DropsWhatItCannotTranslateWhole) {
    auto whole = frame(of_stack());
    size_t check = kEthernet + stack_header() + 18;
    Bytes cut(whole.begin(), whole.begin() + static_cast<long>(check - 1));
    EXPECT_EQ(leave(cut).verdict, TC_ACT_SHOT);
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
        auto segment = of_stack();
        segment.source.port = net::Port(port);
        auto out = leave(frame(segment, payload)).frame;
        if (is_udp()) return port_of(out, kEthernet + stack_header());
        return (out[kEthernet + 1] & 0xfu) << 16 | port_of(out, kEthernet + 2);
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
