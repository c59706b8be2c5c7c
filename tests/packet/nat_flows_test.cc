// The lives of NAT's flows: whose answers are whose, when flows begin, end, collide, overflow, and outlive
// changes of the tables.
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <set>

#include "lab/bpffs.h"
#include "tests/packet/nat_fixture.h"

namespace weir::engine::xdp {
namespace {

using Reasons = std::map<std::string, uint64_t>;

class NatFlowsTest : public NatTest {
  protected:
    /// A packet of the flow that the test follows; the frame as it leaves, or none.
    net::PacketSpec spec_of(int port, uint8_t flags, int number = 1) const {
        auto spec = from_client(kind_, flags, port);
        spec.destination = vip(kind_.family, number);
        return spec;
    }
    /// Opens a flow: SYN and its answer, then an ACK; what the backend sees of it.
    net::PacketSpec open(int port, int number = 1) const {
        ask(spec_of(port, net::kTcpSyn, number), kind_);
        auto got = ask(spec_of(port, net::kTcpAck, number), kind_);
        EXPECT_TRUE(answered(got, spec_of(port, net::kTcpAck, number)));
        return got;
    }
    /// Two VIPs with the same backend and port: two flows of one client port would look the same to it.
    void serve_two_vips() {
        plan_.frontends = {service(kind_, 1), service(kind_, 2)};
        apply();
    }
    void expect_conflict(const net::PacketSpec& spec) {
        new_reasons();
        EXPECT_EQ(run(net::build_frame(spec)).verdict, XDP_DROP);
        EXPECT_EQ(new_reasons(), (Reasons{{"nat_conflict", 1}}));
    }

    Kind kind_;
};

TEST_F(NatFlowsTest, RefusesASecondFlowThatWouldLookTheSameUntilTheFirstIsClosed) {
    serve_two_vips();
    for (auto [flags, from_backend] : {std::pair{net::kTcpFin, false},
                                       {net::kTcpRst, false},
                                       {net::kTcpFin, true},
                                       {net::kTcpRst, true}}) {
        int port = 1000 + flags * 2 + from_backend;
        auto got = open(port);
        expect_conflict(spec_of(port, net::kTcpSyn, 2));
        EXPECT_TRUE(answered(got, spec_of(port, net::kTcpAck))) << "the first flow is untouched";
        if (from_backend) {
            EXPECT_TRUE(answered(got, spec_of(port, net::kTcpAck), flags));
        } else {
            ask(spec_of(port, flags | net::kTcpAck), kind_);
        }
        auto second = open(port, 2);
        expect_conflict(
            spec_of(port, net::kTcpAck));  // a late packet of the first must not become the second's
        EXPECT_TRUE(answered(second, spec_of(port, net::kTcpAck, 2)));
        EXPECT_FALSE(answered(second, spec_of(port, net::kTcpAck, 1)));
    }
}

TEST_F(NatFlowsTest, RefusesASecondFlowThatWouldLookTheSameUntilTheFirstHasExpired) {
    serve_two_vips();
    open(1000);
    expect_conflict(spec_of(1000, net::kTcpSyn, 2));
    age_translations(600);
    auto second = open(1000, 2);
    EXPECT_TRUE(answered(second, spec_of(1000, net::kTcpAck, 2)));
    expect_conflict(spec_of(1000, net::kTcpAck));
}

TEST_F(NatFlowsTest, KeepsAFlowClosedThatItsBackendHasReset) {
    serve_two_vips();
    auto got = open(1000);
    EXPECT_TRUE(answered(got, spec_of(1000, net::kTcpAck), net::kTcpRst));
    ask(spec_of(1000, net::kTcpAck), kind_);  // on its way when the backend reset the connection
    open(1000, 2);

    got = open(1001);
    EXPECT_TRUE(answered(got, spec_of(1001, net::kTcpAck), net::kTcpRst));
    open(1001);  // the client's next connection from that port is open
    expect_conflict(spec_of(1001, net::kTcpSyn, 2));
}

TEST_F(NatFlowsTest, FollowsAFlowToAnotherBackend) {
    plan_.frontends = {service(kind_, 1, 2)};
    apply();
    for (int port = 1000; port < 1020; port++) {
        auto syn = net::build_frame(spec_of(port, net::kTcpSyn));
        int first = backend_of(run(syn));
        auto got = there(spec_of(port, net::kTcpAck), kind_, client(Family::v4, port), first);
        ASSERT_TRUE(answered(got, spec_of(port, net::kTcpAck)));
        set_accepts(first, Accepts::nothing);
        apply();
        auto moved = ask(spec_of(port, net::kTcpAck), kind_, 3 - first);
        EXPECT_TRUE(answered(moved, spec_of(port, net::kTcpAck)));
        auto late = net::build_frame(answer(got));
        EXPECT_EQ(run(late).frame, late) << "the former backend is no longer part of it";
        set_accepts(first, Accepts::all);
        apply();
    }
}

TEST_F(NatFlowsTest, AFlowOfWhichNoSecondPacketComesLivesWhileItIsAnswered) {
    kind_ = {Family::v4, net::kUdp};
    serve(kind_);
    auto spec = from_client(kind_);
    auto got = ask(spec, kind_);
    for (int i = 0; i < 20; i++) {
        age_translations(6);  // some 25 of 30 seconds
        scan_all();
        ASSERT_TRUE(answered(got, spec));
    }
    age_translations(30);
    scan_all();
    EXPECT_EQ(count_translations(), 0u);
    auto late = net::build_frame(answer(got));
    EXPECT_EQ(run(late).frame, late);
}

TEST_F(NatFlowsTest, ExpireByTheirState) {
    serve(kind_);
    auto begun = ask(spec_of(1000, net::kTcpSyn), kind_);
    open(1001);
    open(1002);
    ask(spec_of(1002, net::kTcpRst), kind_);
    EXPECT_EQ(count_translations(), 6u);
    age_translations(1);
    scan_all();
    EXPECT_EQ(count_translations(), 6u);
    EXPECT_EQ(observe().flow_table.nat_used, 3u);
    age_translations(20);
    scan_all();
    EXPECT_EQ(count_translations(), 2u) << "only what was established lives on";
    auto got = there(spec_of(1001, net::kTcpAck), kind_, client(Family::v4, 1001));
    EXPECT_TRUE(answered(got, spec_of(1001, net::kTcpAck)));
    EXPECT_FALSE(answered(begun, spec_of(1000, net::kTcpAck)));
    age_translations(600);
    scan_all();
    EXPECT_EQ(count_translations(), 0u);
}

TEST_F(NatFlowsTest, AFloodOfSynsDisplacesNoFlowThatIsOpen) {
    serve(kind_);
    std::map<int, net::PacketSpec> flows;
    for (int port = 1000; port < 1300; port++) flows.emplace(port, open(port));
    for (int i = 0; i < 60000; i++) {
        auto spec = spec_of(1024 + i / 1000, i % 3 ? net::kTcpSyn : net::kTcpFin);
        spec.source.address =
            Ip::v4({203, 0, static_cast<uint8_t>(i / 250 % 250), static_cast<uint8_t>(i % 250)});
        run(net::build_frame(spec));
    }
    for (const auto& [port, got] : flows) {
        ASSERT_TRUE(answered(got, spec_of(port, net::kTcpAck))) << port;
        ASSERT_EQ(ask(spec_of(port, net::kTcpAck), kind_).source, got.source);
    }
    for (int port = 2000; port < 2050; port++) open(port);
}

/// What each flow's answers must become; nothing else may leave.
struct FullNat {
    std::map<std::pair<Endpoint, Endpoint>, net::PacketSpec> flows;  // by what the backend sees
    uint64_t refused = 0;
};

class FullNatTest : public NatFlowsTest {
  protected:
    void SetUp() override {
        NatFlowsTest::SetUp();
        kind_.full = true;
    }

    net::PacketSpec spec_number(uint32_t number, uint8_t flags) const {
        auto spec = spec_of(static_cast<int>(1024 + number % 50000), flags);
        spec.source.address = Ip::v4({198, 51, static_cast<uint8_t>(number / 50000), 7});
        return spec;
    }
    /// SYN and ACK of each flow. Two with one source would be one to the backend.
    FullNat open_all(uint32_t count) const {
        FullNat out;
        for (uint32_t i = 0; i < count; i++) {
            auto syn = run(net::build_frame(spec_number(i, net::kTcpSyn)));
            if (syn.verdict != XDP_TX) {
                out.refused++;
                continue;
            }
            auto spec = spec_number(i, net::kTcpAck);
            auto ran = run(net::build_frame(spec));
            auto seen = net::parse_frame(ran.frame);
            EXPECT_EQ(seen->source, net::parse_frame(syn.frame)->source) << "one source a flow";
            EXPECT_TRUE(out.flows.emplace(std::pair(seen->source, seen->destination), spec).second) << i;
        }
        return out;
    }
    void expect_answers(const FullNat& nat) const {
        for (const auto& [ends, asked] : nat.flows)
            ASSERT_TRUE(answered(there(asked, kind_, ends.first), asked)) << ends.first.text();
    }
};

TEST_F(FullNatTest, GivesEachFlowASourceOfItsOwn) {
    plan_.flows.size = 8192;
    serve(kind_);
    auto nat = open_all(5000);
    EXPECT_EQ(nat.refused, 0u);
    std::set<Ip> addresses;
    for (const auto& [ends, asked] : nat.flows) addresses.insert(ends.first.address);
    EXPECT_EQ(addresses.size(), 16u) << "all of the pool";
    expect_answers(nat);
}

TEST_F(FullNatTest, RefusesFlowsThatFindNoSource) {
    plan_.flows.size = 1 << 17;
    plan_.frontends = {service(kind_)};
    plan_.frontends.edit(0).forward.sources = {*net::Prefix::parse("10.9.0.0/32")};
    apply();
    new_reasons();
    auto nat = open_all(66000);
    EXPECT_GT(nat.flows.size(), 50000u);
    EXPECT_GT(nat.refused, 66000u - 64512u - 1);
    EXPECT_EQ(new_reasons(), (Reasons{{"nat_conflict", nat.refused}}));
    expect_answers(nat);
}

TEST_F(FullNatTest, MixesNoFlowsWhenTheTableIsFull) {
    plan_.flows.size = 1024;
    serve(kind_);
    constexpr uint32_t kFlows = 30000;
    for (uint32_t i = 0; i < kFlows; i++) {
        run(net::build_frame(spec_number(i, net::kTcpSyn)));
        run(net::build_frame(spec_number(i, net::kTcpAck)));
    }
    EXPECT_GT(observe().flow_table.full_total, 0u);
    // Whichever of the flows go on: what comes back goes to the one that asked, or nowhere.
    size_t alive = 0;
    for (uint32_t i = 0; i < kFlows; i += 7) {
        auto spec = spec_number(i, net::kTcpAck);
        auto ran = run(net::build_frame(spec));
        if (ran.verdict != XDP_TX) continue;
        auto seen = net::parse_frame(ran.frame);
        auto reply = answer(there(spec, kind_, seen->source));
        ASSERT_EQ(run(net::build_frame(reply)).frame, net::build_frame(back(reply, spec))) << i;
        alive++;
    }
    EXPECT_GT(alive, kFlows / 7 - 100);
}

TEST_F(NatFlowsTest, OutliveAGrowthOfTheTables) {
    for (bool full : {false, true}) {
        kind_.full = full;
        serve(kind_);
        std::map<int, net::PacketSpec> flows;
        int first = full ? 2000 : 1000;
        for (int port = first; port < first + 200; port++) flows.emplace(port, open(port));
        auto begun = ask(spec_of(first + 300, net::kTcpSyn), kind_);
        auto former = program_;
        plan_.flows.size *= 4;
        apply();
        ASSERT_NE(program_, former);
        for (const auto& [port, got] : flows) {
            ASSERT_TRUE(answered(got, spec_of(port, net::kTcpAck))) << port;
            ASSERT_EQ(ask(spec_of(port, net::kTcpAck), kind_).source, got.source) << port;
        }
        EXPECT_TRUE(answered(begun, spec_of(first + 300, net::kTcpAck)));
    }
}

TEST_F(NatFlowsTest, OutliveTheDaemon) {
    lab::PrivateBpffs bpffs;
    auto start = [&] {
        tables_.reset();
        auto opened = Tables::open(bpffs.path() + "/weir", [this](int program) {
            program_ = program;
            return Status{};
        });
        ASSERT_TRUE(opened) << opened.error().message;
        tables_ = std::move(*opened);
        apply();
    };
    kind_.full = true;
    plan_.frontends = {service(kind_)};
    start();
    std::map<int, net::PacketSpec> flows;
    for (int port = 1000; port < 1100; port++) flows.emplace(port, open(port));
    start();
    for (const auto& [port, got] : flows) {
        ASSERT_TRUE(answered(got, spec_of(port, net::kTcpAck))) << port;
        ASSERT_EQ(ask(spec_of(port, net::kTcpAck), kind_).source, got.source) << port;
    }
}

}  // namespace
}  // namespace weir::engine::xdp
