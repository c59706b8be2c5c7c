// The probes' way, packet by packet, run by the kernel itself.
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gmock/gmock.h>
#include <linux/pkt_cls.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "detour.skel.h"
#include "engine/xdp/detour_abi.h"
#include "net/ip.h"

namespace weir {
namespace {

using Bytes = std::vector<uint8_t>;

// Of linux/bpf.h since 6.17: the packet runs as one whose sum the card took, and the kernel compares that sum
// with the packet that comes out.
constexpr uint32_t kCardsSum = 1u << 2;

constexpr uint16_t kProbePort = 40001;
constexpr uint16_t kServicePort = 80;
constexpr uint8_t kTrafficClass = 0xb9;
constexpr uint8_t kHops = 61;

net::Ip ip(const char* text) {
    return *net::Ip::parse(text);
}

struct Segment {
    net::Ip source, destination;
    uint16_t source_port, destination_port;
    std::string payload;
    uint8_t protocol = IPPROTO_TCP;
};

void append(Bytes& to, std::initializer_list<size_t> values) {
    for (size_t value : values) to.push_back(static_cast<uint8_t>(value));
}
void append(Bytes& to, std::span<const uint8_t> bytes) {
    to.insert(to.end(), bytes.begin(), bytes.end());
}

/// RFC 1071.
uint16_t checksum(const Bytes& bytes) {
    uint32_t sum = 0;
    for (size_t i = 0; i < bytes.size(); i++) sum += i % 2 ? bytes[i] : bytes[i] << 8;
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<uint16_t>(~sum);
}

Bytes transport(const Segment& segment) {
    Bytes out;
    for (size_t port : {segment.source_port, segment.destination_port}) append(out, {port >> 8, port & 0xff});
    append(out, {1, 2, 3, 4, 5, 6, 7, 8, 0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0});
    append(out, std::span(reinterpret_cast<const uint8_t*>(segment.payload.data()), segment.payload.size()));
    Bytes summed;
    append(summed, segment.source.bytes());
    append(summed, segment.destination.bytes());
    append(summed, {0u, segment.protocol, out.size() >> 8, out.size() & 0xffu});
    append(summed, out);
    uint16_t sum = checksum(summed);
    out[16] = static_cast<uint8_t>(sum >> 8);
    out[17] = static_cast<uint8_t>(sum);
    return out;
}

Bytes header_v4(const Segment& segment, size_t length) {
    Bytes out;
    length += 20;
    append(out, {0x45, kTrafficClass, length >> 8, length & 0xffu});
    append(out, {0, 0, 0x40, 0, kHops, segment.protocol, 0, 0});
    append(out, segment.source.bytes());
    append(out, segment.destination.bytes());
    uint16_t sum = checksum(out);
    out[10] = static_cast<uint8_t>(sum >> 8);
    out[11] = static_cast<uint8_t>(sum);
    return out;
}

Bytes header_v6(const Segment& segment, size_t length) {
    Bytes out;
    append(out, {0x60u | kTrafficClass >> 4, (kTrafficClass & 0xfu) << 4, 0, 0});
    append(out, {length >> 8, length & 0xffu, segment.protocol, kHops});
    append(out, segment.source.bytes());
    append(out, segment.destination.bytes());
    return out;
}

/// The frame of a segment, right in every field: what goes in, and the oracle for what comes out.
Bytes frame(const Segment& segment) {
    Bytes out;
    append(out, {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1});
    bool v4 = segment.source.is_v4();
    append(out, v4 ? std::initializer_list<size_t>{0x08, 0x00} : std::initializer_list<size_t>{0x86, 0xdd});
    auto tcp = transport(segment);
    append(out, v4 ? header_v4(segment, tcp.size()) : header_v6(segment, tcp.size()));
    append(out, tcp);
    return out;
}

struct Ran {
    int verdict;
    Bytes frame;

    bool operator==(const Ran&) const = default;
};

weir_address to_row(const net::Ip& address) {
    weir_address row{};
    std::ranges::copy(address.bytes(), reinterpret_cast<uint8_t*>(row.word));
    return row;
}

struct Addresses {
    const char* name;
    const char* own;  // the balancer's, towards the backend's own address
    const char* backend;
    const char* source;  // the balancer's, on the wire
    const char* vip;
};

class DetourPacket : public testing::TestWithParam<Addresses> {
  protected:
    void SetUp() override {
        if (geteuid() != 0) GTEST_SKIP() << "needs root to load BPF programs";
        bpf_.reset(detour_bpf__open_and_load());
        ASSERT_TRUE(bpf_);
        const auto& a = GetParam();
        weir_detour row{.stack = {to_row(ip(a.own)), to_row(ip(a.backend))},
                        .wire = {to_row(ip(a.source)), to_row(ip(a.vip))},
                        .stack_family = static_cast<uint8_t>(ip(a.own).is_v4() ? WEIR_V4 : WEIR_V6),
                        .wire_family = static_cast<uint8_t>(ip(a.source).is_v4() ? WEIR_V4 : WEIR_V6),
                        .port = htons(kServicePort)};
        uint16_t key = htons(kProbePort);
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

    Segment of_stack_out(std::string payload = "GET") const {
        return {ip(GetParam().own), ip(GetParam().backend), kProbePort, kServicePort, std::move(payload)};
    }
    Segment of_wire_out(std::string payload = "GET") const {
        return {ip(GetParam().source), ip(GetParam().vip), kProbePort, kServicePort, std::move(payload)};
    }
    static Segment back(const Segment& segment) {
        return {segment.destination, segment.source, segment.destination_port, segment.source_port,
                segment.payload};
    }

    struct Destroy {
        void operator()(detour_bpf* bpf) const { detour_bpf__destroy(bpf); }
    };
    std::unique_ptr<detour_bpf, Destroy> bpf_;
    bool with_cards_sum_ = false;
};

TEST_P(DetourPacket, TranslatesWhatLeaves) {
    for (size_t size : {0, 1, 2, 3, 700, 1340}) {
        std::string payload(size, '\xfe');
        EXPECT_EQ(leave(frame(of_stack_out(payload))), (Ran{TC_ACT_UNSPEC, frame(of_wire_out(payload))}))
            << size;
    }
}

TEST_P(DetourPacket, TranslatesWhatComesBack) {
    for (size_t size : {0, 1, 2, 3, 700, 1340}) {
        std::string payload(size, '\xfe');
        EXPECT_EQ(enter(frame(back(of_wire_out(payload)))),
                  (Ran{TC_ACT_UNSPEC, frame(back(of_stack_out(payload)))}))
            << size;
    }
}

TEST_P(DetourPacket, KeepsTheSumThatTheCardTook) {
    auto in = frame(back(of_wire_out()));
    bpf_test_run_opts options{
        .sz = sizeof options, .data_in = in.data(), .data_size_in = static_cast<uint32_t>(in.size())};
    options.flags = kCardsSum;
    if (bpf_prog_test_run_opts(bpf_program__fd(bpf_->progs.detour_in), &options) == -EINVAL)
        GTEST_SKIP() << "this kernel cannot run a packet with CHECKSUM_COMPLETE (6.17 can)";
    with_cards_sum_ = true;
    EXPECT_EQ(leave(frame(of_stack_out())), (Ran{TC_ACT_UNSPEC, frame(of_wire_out())}));
    EXPECT_EQ(enter(in), (Ran{TC_ACT_UNSPEC, frame(back(of_stack_out()))}));
}

TEST_P(DetourPacket, LeavesPaddingBehindThePacket) {
    auto in = frame(back(of_wire_out("")));
    auto out = frame(back(of_stack_out("")));
    in.resize(in.size() + 6);
    out.resize(out.size() + 6);
    EXPECT_EQ(enter(in), (Ran{TC_ACT_UNSPEC, out}));
}

TEST_P(DetourPacket, LeavesOtherConnectionsAlone) {
    for (Segment right : {of_stack_out(), back(of_wire_out())}) {
        auto differing = [&](auto change) {
            Segment wrong = right;
            change(wrong);
            expect_untouched(frame(wrong));
        };
        auto next = [](net::Ip& address) {
            std::array<uint8_t, 16> bytes{};
            std::ranges::copy(address.bytes(), bytes.begin());
            bytes[address.bytes().size() - 1] ^= 1;
            address =
                address.is_v4() ? net::Ip::v4({bytes[0], bytes[1], bytes[2], bytes[3]}) : net::Ip::v6(bytes);
        };
        differing([](Segment& s) { s.source_port++; });
        differing([](Segment& s) { s.destination_port++; });
        differing([&](Segment& s) { next(s.source); });
        differing([&](Segment& s) { next(s.destination); });
        differing([](Segment& s) { s.protocol = IPPROTO_UDP; });
    }
}

TEST_P(DetourPacket, LeavesTruncatedPacketsAlone) {
    auto whole = frame(of_stack_out());
    size_t header =
        14 + (ip(GetParam().own).is_v4() ? 20 : 40);  // the kernel runs no packet with less than that
    for (size_t size = header; size < header + 4; size++)
        expect_untouched(Bytes(whole.begin(), whole.begin() + static_cast<long>(size)));
}

TEST_P(DetourPacket, DropsWhatItCannotTranslateWhole) {
    auto whole = frame(of_stack_out());
    size_t check = 14 + (ip(GetParam().own).is_v4() ? 20 : 40) + 18;
    Bytes cut(whole.begin(), whole.begin() + static_cast<long>(check - 1));
    EXPECT_EQ(leave(cut).verdict, TC_ACT_SHOT);
}

TEST_P(DetourPacket, LeavesFragmentsAndOptionsAlone) {
    auto fragment = frame(of_stack_out("options and payload"));
    auto options = fragment;
    if (ip(GetParam().own).is_v4()) {
        fragment[14 + 6] = 0x20;  // more fragments
        options[14] = 0x46;       // six words of header
    } else {
        fragment[14 + 6] = IPPROTO_FRAGMENT;  // next header
        options[14 + 6] = IPPROTO_HOPOPTS;
    }
    expect_untouched(fragment);
    expect_untouched(options);
}

INSTANTIATE_TEST_SUITE_P(
    Families, DetourPacket,
    testing::Values(Addresses{"v4ToV4", "10.1.10.100", "10.1.10.10", "10.1.10.100", "192.168.101.1"},
                    Addresses{"v6ToV6", "2001:db8:1::100", "2001:db8:1::10", "2001:db8:1::100",
                              "2001:db8::1"},
                    Addresses{"v4ToV6", "10.1.10.100", "10.1.10.10", "2001:db8:1::100", "2001:db8::1"},
                    Addresses{"v6ToV4", "2001:db8:1::100", "2001:db8:1::10", "10.1.10.100", "192.168.101.1"}),
    [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace weir
