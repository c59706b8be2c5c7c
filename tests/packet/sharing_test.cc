// Two balancers' datapaths that share their flows: what the one has placed, the other forwards alike.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>

#include "tests/packet/fixture.h"

namespace weir::engine::xdp {
namespace {

using namespace std::chrono_literals;

class SharingTest : public DatapathTest {
  protected:
    void SetUp() override {
        plan_.flow_secret = 0x1234567890abcdef;
        DatapathTest::SetUp();
        if (!tables_) return;
        auto opened = Tables::open("", [this](int program) {
            (is_other_ ? program_ : other_program_) = program;
            return Status{};
        });
        ASSERT_TRUE(opened) << opened.error().message;
        other_ = std::move(*opened);
    }

    /// From now on what is done is done at the other one.
    void change_over() {
        std::swap(tables_, other_);
        std::swap(program_, other_program_);
        is_other_ = !is_other_;
        shared_hops_.reset();
    }

    std::vector<model::ToldFlow> changes() {
        std::vector<model::ToldFlow> told;
        tables_->read_changes(0, tables_->buckets(), told);
        return told;
    }

    /// Tells this one what the other has new, after a while.
    model::TakenFlows share(std::chrono::seconds late = 0s) {
        std::vector<model::ToldFlow> told;
        other_->read_changes(0, other_->buckets(), told);
        for (auto& each : told) each.flow.idle += late;
        return take(told, other_->buckets());
    }
    model::TakenFlows take(const std::vector<model::ToldFlow>& told, size_t buckets) {
        model::TakenFlows all;
        auto bits = static_cast<unsigned>(std::countr_zero(buckets));
        for (const auto& [target, flow] : told) all += tables_->take(*target, bits, {&flow, 1}, 50);
        return all;
    }

    std::unique_ptr<Tables> other_;
    int other_program_ = -1;
    bool is_other_ = false;
};

TEST_F(SharingTest, BalancersWithOneSecretChooseAlike) {
    auto flows = open_flows(1000, 1300);
    change_over();
    apply();
    expect_kept(flows, "by the ring alone");
}

TEST_F(SharingTest, FlowsKeepTheirBackendAtABalancerThatWouldChooseOtherwise) {
    auto flows = open_flows(1000, 1300);
    change_over();
    add_backends(4, 9);
    apply();
    EXPECT_EQ(share(60s), (model::TakenFlows{.taken = 300}));
    EXPECT_EQ(tables_->from_peers(), 300u);
    expect_kept(flows, "of 300 hardly 100 would go to the same of 9 backends");
    EXPECT_EQ(changes().size(), 300u) << "the other is told in turn";
    EXPECT_EQ(tables_->from_peers(), 0u);
}

TEST_F(SharingTest, FlowsOfUdpAndOfIpv6AreSharedFromTheirSecondPacketOn) {
    auto udp = packet("[2001:db8:9::7]:1000", "[2001:db8::1]:53", net::kUdp);
    auto backend = send(udp);
    EXPECT_TRUE(changes().empty());
    send(udp);
    change_over();
    add_backends(4, 9);
    plan_.frontends.edit_each([&](auto& one) { std::ranges::reverse(one.targets); });
    for (auto& each : {1, 2, 3})
        if (each != backend) set_accepts(each, Accepts::established);
    apply();
    EXPECT_EQ(share(), (model::TakenFlows{.taken = 1}));
    EXPECT_EQ(send(udp), backend);
}

TEST_F(SharingTest, ASourcesNextFlowGoesWhereItsOthersAre) {
    plan_.frontends.edit_each([](auto& one) { one.sticky = model::Sticky{}; });
    apply();
    const auto backend = open_flows(1000, 1001).at(1000);
    change_over();
    add_backends(4, 9);
    for (int each = 1; each <= 3; each++)
        if (each != backend) set_accepts(each, Accepts::established);
    apply();
    EXPECT_EQ(share(), (model::TakenFlows{.taken = 2})) << "the flow, and its source";
    for (int port = 2000; port < 2020; port++) EXPECT_EQ(send(tcp_from(port, net::kTcpSyn)), backend);
}

TEST_F(SharingTest, AFlowThatEndsThereEndsHere) {
    auto flows = open_flows(1000, 1001);
    change_over();
    apply();
    share();
    change_over();
    send(tcp_from(1000, net::kTcpFin | net::kTcpAck));
    change_over();
    EXPECT_EQ(share(), (model::TakenFlows{.taken = 1}));
    const auto counted = observe().flow_table.counts_total;
    while (observe().flow_table.counts_total < counted + 2) tables_->scan();
    EXPECT_EQ(observe().flow_table.flows, (FlowStates{.closing = 1}));
}

TEST_F(SharingTest, ATargetThatIsNotHereIsCounted) {
    add_backends(4, 4);
    apply();
    open_flows(1000, 1100);
    change_over();
    plan_.frontends.edit_each([](auto& one) { one.targets.pop_back(); });
    apply();
    auto shared = share();
    EXPECT_GT(shared.unknown, 0u);
    EXPECT_EQ(shared.taken + shared.unknown, 100u);
}

TEST_F(SharingTest, NoPeerMovesAFlowThatIsAtHomeHere) {
    auto flows = open_flows(1000, 1100);
    auto told = changes();
    change_over();
    apply();
    expect_kept(open_flows(1000, 1100), "here");
    for (auto& [target, flow] : told) {
        flow.state = model::FlowState::closing;
        target = told.front().target;
    }
    EXPECT_EQ(take(told, other_->buckets()), (model::TakenFlows{.kept = 100}));
    expect_kept(flows, "whatever the peer says");
}

TEST_F(SharingTest, APeersTableOfAnotherSizeWillDo) {
    auto flows = open_flows(1000, 1300);
    change_over();
    plan_.flows.size *= 4;
    add_backends(4, 9);
    apply();
    share();
    expect_kept(flows, "of a smaller table");
    change_over();
    plan_.flows.size /= 4;
    add_backends(4, 8);
    apply();
    auto more = open_flows(3000, 3100);
    change_over();
    share();
    expect_kept(more, "and more of them");
}

TEST_F(SharingTest, FlowsStayWhenABalancerJoinsAGroup) {
    plan_.flow_secret.reset();
    change_over();
    apply();  // with a secret of its own
    auto flows = open_flows(1000, 1300);
    plan_.flow_secret = 5;
    add_backends(4, 9);
    apply();
    expect_kept(flows, "that were entered under the former secret");
    set_accepts(1, Accepts::established);
    apply();
    expect_kept(flows, "which have entries under the new one");
    auto more = open_flows(3000, 3300);
    change_over();
    apply();  // another secret than 0x12…, too, but no flows
    expect_kept(more, "as in every member of the group");
}

}  // namespace
}  // namespace weir::engine::xdp
