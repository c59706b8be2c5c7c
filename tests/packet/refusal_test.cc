// ICMP errors about a probe's packet: the stack gets them in its own names. What comes out is compared with
// packets from tests/packet/wire.h.
#include <gmock/gmock.h>
#include <linux/pkt_cls.h>

#include "tests/packet/detour_fixture.h"
#include "tests/packet/wire.h"

namespace weir {
namespace {

using wire::Bytes;
using wire::operator+;

constexpr const char* kRouter4 = "10.9.9.9";
constexpr const char* kRouter6 = "2001:db8:9::9";

struct Unreachable {
    uint8_t port, prohibited;
};
constexpr Unreachable kV4{3, 13}, kV6{4, 1};

class Refusal : public DetourPackets, public testing::WithParamInterface<Addresses> {
  protected:
    void SetUp() override {
        DetourPackets::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        for (uint8_t protocol : {wire::kTcp, wire::kUdp}) put_row(GetParam(), protocol, {});
    }

    /// The packet that a probe sent, under the names of one side.
    struct Sent {
        net::Ip from, to;
        uint8_t protocol = wire::kUdp;
        uint16_t port = kProbePort;
        Bytes data = wire::counting(4);

        wire::Header header() const { return {.source = from, .destination = to, .protocol = protocol}; }
        Bytes start() const {
            return wire::u16(port) + wire::u16(kServicePort) +
                   (protocol == wire::kTcp ? wire::u32(7) : wire::u32(0));
        }
        Bytes packet() const { return wire::packet(header(), start() + data); }
    };
    static Sent on_wire() { return {ip(GetParam().source), ip(GetParam().vip)}; }
    static Sent in_stack() { return {ip(GetParam().own), ip(GetParam().backend)}; }
    static Unreachable codes(const net::Ip& address) { return address.is_v4() ? kV4 : kV6; }

    static Bytes error(const net::Ip& from, const Sent& about, uint8_t code, int type = -1) {
        bool v4 = from.is_v4();
        wire::Header header{
            .source = from, .destination = about.from, .protocol = v4 ? wire::kIcmp : wire::kIcmpv6};
        if (type < 0) type = v4 ? 3 : 1;
        auto message = wire::icmp(header, static_cast<uint8_t>(type), code, 0, about.packet());
        return wire::frame(kTheirs, kOurs, {}, wire::packet(header, message));
    }
    /// As the stack gets it: about the same, with so much of it as is needed.
    static Bytes told(Sent about, uint8_t code) {
        about.data = {};
        return error(about.to, about, code);
    }
};

TEST_P(Refusal, IsToldInTheStacksNames) {
    for (uint8_t protocol : {wire::kTcp, wire::kUdp}) {
        auto sent = on_wire(), known = in_stack();
        sent.protocol = known.protocol = protocol;
        auto from = codes(sent.from), to = codes(known.from);
        for (auto [code, wanted] : {std::pair(from.port, to.port), {from.prohibited, to.prohibited}})
            EXPECT_EQ(enter(error(sent.to, sent, code)), (Ran{TC_ACT_UNSPEC, told(known, wanted)})) << +code;
        const auto router = ip(sent.from.is_v4() ? kRouter4 : kRouter6);
        EXPECT_EQ(enter(error(router, sent, from.prohibited)),
                  (Ran{TC_ACT_UNSPEC, told(known, to.prohibited)}));
    }
}

TEST_P(Refusal, IsOfAnyLength) {
    for (size_t more : {0, 1, 2, 500}) {
        auto sent = on_wire();
        sent.data = wire::counting(more);
        EXPECT_EQ(enter(error(sent.to, sent, codes(sent.from).port)),
                  (Ran{TC_ACT_UNSPEC, told(in_stack(), codes(in_stack().from).port)}))
            << more;
    }
}

TEST_P(Refusal, KeepsTheSumThatTheCardTook) {
    auto sent = on_wire(), known = in_stack();
    if (sent.from.family() != known.from.family())
        return;  // the length changes, and the kernel forgets that sum
    sent.data = known.data = {};
    auto in = error(sent.to, sent, codes(sent.from).port);
    if (!with_cards_sum(in))
        GTEST_SKIP() << "this kernel cannot run a packet with CHECKSUM_COMPLETE (6.17 can)";
    EXPECT_EQ(enter(in), (Ran{TC_ACT_UNSPEC, told(known, codes(known.from).port)}));
}

TEST_P(Refusal, OfOthersIsLeftAlone) {
    auto port = codes(on_wire().from).port;
    auto untouched = [&](auto change) {
        auto sent = on_wire();
        change(sent);
        expect_untouched(error(on_wire().to, sent, port));
    };
    untouched([](Sent& sent) { sent.port++; });
    untouched([](Sent& sent) { sent.protocol = 132; });
    untouched([](Sent& sent) { std::swap(sent.from, sent.to); });
    untouched([](Sent& sent) { sent.to = ip(sent.to.is_v4() ? kRouter4 : kRouter6); });
    expect_untouched(error(on_wire().to, on_wire(), 0, on_wire().from.is_v4() ? 11 : 3));
    for (uint8_t passing :
         on_wire().from.is_v4() ? std::vector<uint8_t>{0, 1, 4} : std::vector<uint8_t>{0, 2, 3})
        expect_untouched(error(on_wire().to, on_wire(), passing));
    auto whole = error(on_wire().to, on_wire(), port);
    whole.resize(whole.size() - 5);  // within the eight bytes that are needed
    expect_untouched(whole);
}

INSTANTIATE_TEST_SUITE_P(Families, Refusal, testing::ValuesIn(kAddresses),
                         [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace weir
