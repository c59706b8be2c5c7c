// Several interfaces: which frames are for us, and by which interface they leave. And that no packet goes
// round for ever.
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <netlink/route/link/veth.h>
#include <unistd.h>

#include "lab/netns.h"
#include "lab/rtnl.h"
#include "tests/packet/ways.h"

namespace weir::engine::xdp {
namespace {

using net::Family;
using wire::Header;

const Mac kSecond = *Mac::parse("02:00:00:00:00:65");  // of the balancer's other interface

class Interfaces : public WaysTest {
  protected:
    void SetUp() override {
        WaysTest::SetUp();
        if (IsSkipped()) return;
        netns_.emplace(lab::NamedNetns::name_of("packet", "several"));
        inside_.emplace(netns_->fd());
        auto rtnl = lab::open_rtnl();
        lab::check_nl(rtnl_link_veth_add(rtnl.get(), "a", "b", getpid()), "cannot make a veth");
        a_ = static_cast<int>(if_nametoindex("a"));
        b_ = static_cast<int>(if_nametoindex("b"));
    }

    /// The backend is behind b.
    void use_both(const Way& way, uint32_t mtu = 1500) {
        plan_.interfaces = {{.name = "a"}, {.name = "b"}};
        use(way, 1, {}, mtu);
        auto& hop = hops_.begin()->second;
        hop.interface = b_;
        hop.source_mac = kSecond;
        apply();
        ASSERT_TRUE(set_ports(true));
    }

    bool set_ports(bool with_b) {
        Ports ports{{static_cast<uint32_t>(a_), {kBalancer, false}}};
        if (with_b) ports.emplace(static_cast<uint32_t>(b_), Port{kSecond, false});
        return tables_->set_ports(ports).has_value();
    }

    Bytes to(const Mac& mac, size_t payload = 10) const {
        auto header = from_client(wire::kTcp);
        auto segment = wire::tcp(header, 1, 80, net::kTcpAck, wire::counting(payload));
        return wire::frame(mac, kClient, {}, wire::packet(header, segment));
    }

    /// What arrives at the backend of to(…).
    Bytes arrived(const Bytes& actual) const {
        auto header = changed(from_client(wire::kTcp));
        auto segment = wire::tcp(header, 1, 80, net::kTcpAck, wire::counting(10));
        auto frame = delivered(wire::packet(header, segment), actual);
        std::ranges::copy(kSecond.bytes, frame.begin() + 6);
        return frame;
    }

    void expect_counted(const Bytes& frame, int interface, uint32_t verdict, const char* reason) {
        new_reasons();
        new_packets();
        EXPECT_EQ(run(frame, interface).verdict, verdict) << reason;
        EXPECT_EQ(new_reasons(), (std::map<std::string, uint64_t>{{reason, 1}}));
        EXPECT_EQ(new_packets(), 0u) << reason;
    }

    std::optional<lab::NamedNetns> netns_;
    std::optional<lab::InNetns> inside_;
    int a_ = 0, b_ = 0;
};

TEST_F(Interfaces, SendEachFrameOutWhereItsBackendIs) {
    for (const auto& way : all_ways()) {
        SCOPED_TRACE(way.text());
        use_both(way);
        new_reasons();
        new_packets();
        auto across = run(to(kBalancer), a_);
        EXPECT_EQ(across.verdict, XDP_REDIRECT);
        EXPECT_EQ(across.frame, arrived(across.frame));
        auto back = run(to(kSecond), b_);
        EXPECT_EQ(back.verdict, XDP_TX);
        EXPECT_EQ(back.frame, arrived(back.frame));
        EXPECT_TRUE(new_reasons().empty());
        EXPECT_EQ(new_packets(), 2u);
    }
}

TEST_F(Interfaces, TakeTheirOwnFramesOnly) {
    use_both({model::ForwardKind::gue, Family::v4, Family::v6});
    expect_counted(to(kSecond), a_, XDP_PASS, "not_for_us");
    expect_counted(to(kBalancer), b_, XDP_PASS, "not_for_us");
    expect_counted(to(kBalancer), static_cast<int>(if_nametoindex("lo")), XDP_PASS, "not_for_us");
}

TEST_F(Interfaces, DropWhatWouldLeaveByOneThatIsGone) {
    use_both({model::ForwardKind::dsr, Family::v4, Family::v4});
    ASSERT_TRUE(set_ports(false));
    expect_counted(to(kBalancer), a_, XDP_DROP, "no_interface");
}

TEST_F(Interfaces, MayHaveDifferentMtus) {
    for (const auto& way : all_ways()) {
        SCOPED_TRACE(way.text());
        use_both(way, 1400);
        auto headers = way.vip == Family::v4 ? 40u : 60u;
        EXPECT_EQ(run(to(kBalancer, 1400 - headers - way.growth()), a_).verdict, XDP_REDIRECT);
        expect_counted(to(kBalancer, 1401 - headers - way.growth()), a_, XDP_TX, "too_big");
    }
}

TEST_F(Interfaces, SayToABackendHowMuchTheWayToItsClientTakes) {
    for (auto family : {Family::v4, Family::v6}) {
        use_both({model::ForwardKind::dsr, family, family});
        plan_.frontends.edit_each([](auto& one) { one.forward.kind = model::ForwardKind::nat; });
        apply();
        ASSERT_TRUE(tables_->set_ports({{static_cast<uint32_t>(a_), {kBalancer, false, 0, 1400}},
                                        {static_cast<uint32_t>(b_), {kSecond, false, 0, 9000}}}));
        ASSERT_EQ(run(to(kBalancer), a_).verdict, XDP_REDIRECT);
        auto headers = family == Family::v4 ? 40u : 60u;
        auto answer = [&](size_t length) {
            Header header{.source = address_of(1, family), .destination = client(), .protocol = wire::kTcp};
            auto segment = wire::tcp(header, 80, 1, net::kTcpAck, wire::counting(length - headers));
            return wire::frame(kSecond, mac_of(1), {}, wire::packet(header, segment));
        };
        EXPECT_EQ(run(answer(1400), b_).verdict, XDP_REDIRECT);
        expect_counted(answer(1401), b_, XDP_TX, "too_big");
        auto told = run(answer(1401), b_).frame;
        auto icmp = told.begin() + 14 + (family == Family::v4 ? 20 : 40);
        EXPECT_EQ(Bytes(icmp, icmp + 2), (family == Family::v4 ? Bytes{3, 4} : Bytes{2, 0}));
        EXPECT_EQ(Bytes(icmp + 6, icmp + 8), (Bytes{1400 >> 8, 1400 & 0xff}));
        EXPECT_TRUE(std::equal(told.begin(), told.begin() + 6, mac_of(1).bytes.begin()));
    }
}

/// What comes back to the balancer, from whoever has it: to its MAC.
Bytes again(Bytes frame) {
    std::ranges::copy(kBalancer.bytes, frame.begin());
    std::ranges::copy(kClient.bytes, frame.begin() + 6);
    return frame;
}

class Loops : public WaysTest {};

TEST_F(Loops, EndByTheHopsOfThePacket) {
    for (auto family : {Family::v4, Family::v6}) {
        use({model::ForwardKind::dsr, family, Family::v4});
        auto header = from_client(wire::kTcp, 0, 64);
        auto frame = wire::frame(kBalancer, kClient, {},
                                 wire::packet(header, wire::tcp(header, 1, 80, net::kTcpAck, {})));
        new_packets();
        new_reasons();
        int rounds = 0;
        for (Ran ran = run(frame); new_reasons().empty() && rounds < 1000; ran = run(again(ran.frame))) {
            ASSERT_EQ(ran.verdict, XDP_TX);
            rounds++;
        }
        EXPECT_EQ(rounds, 63);
        EXPECT_EQ(new_packets(), 63u);
    }
}

/// Nobody should, but a backend's address may be a VIP: then each round adds a header with hops of its own.
TEST_F(Loops, OfTunnelsEndByThePacketsSize) {
    for (auto family : {Family::v4, Family::v6}) {
        use({model::ForwardKind::fou, family, family});
        auto backend = address_of(1, family);
        auto self = frontend(backend.text(), 5999, model::Protocol::udp, 0);
        self.forward = plan_.frontends[0].forward;
        self.targets = plan_.frontends[0].targets;
        plan_.frontends.push_back(self);
        apply();
        auto header = from_client(wire::kTcp, 0, 64);
        auto frame = wire::frame(kBalancer, kClient, {},
                                 wire::packet(header, wire::tcp(header, 1, 80, net::kTcpAck, {})));
        new_reasons();
        int rounds = 0;
        std::map<std::string, uint64_t> end;
        for (Ran ran = run(frame); (end = new_reasons()).empty() && rounds < 1000;
             ran = run(again(ran.frame)))
            rounds++;
        EXPECT_EQ(end, (std::map<std::string, uint64_t>{{"too_big", 1}}));
        EXPECT_LT(rounds, 60);
    }
}

}  // namespace
}  // namespace weir::engine::xdp
