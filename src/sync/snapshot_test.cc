// How one that joins gets to know all flows.
#include "sync/snapshot.h"

#include "sync/member_fixture.h"

namespace weir::sync {
namespace {

using testing::StartsWith;

class SyncSnapshot : public SyncGroup {
  protected:
    /// Two that have told each other of `count` flows.
    void fill(Balancer& a, Balancer& b, uint64_t count) {
        pass_time(1s);
        for (uint64_t i = 0; i < count; ++i) (i % 2 ? a : b).store.see(target(1 + i % 3 / 2), flow(i));
        pass_time(3s);
        ASSERT_EQ(a.store.size(), count);
        ASSERT_EQ(b.store.size(), count);
    }
};

TEST_F(SyncSnapshot, TellsANewcomerAllFlows) {
    auto& a = add(1);
    pass_time(100ms);
    auto& b = add(2);
    fill(a, b, 10'000);
    const auto a_served = report(a).snapshots.served_total;
    auto& c = add(3);
    pass_time(3s);
    EXPECT_EQ(c.store.size(), 10'000u);
    EXPECT_EQ(report(c).snapshot, "complete");
    EXPECT_EQ(report(c).snapshots.received_total, 1u);
    EXPECT_EQ(report(a).snapshots.served_total, a_served + 1) << "the one that has been up longest";
    EXPECT_EQ(refused(a) + refused(b) + refused(c), 0u);
    EXPECT_EQ(lost(a) + lost(b) + lost(c), 0u) << "what goes to one alone is missing nowhere else";
}

TEST_F(SyncSnapshot, KnowsTheFlowsWhenItIsCompleteOrAlone) {
    auto& a = add(1);
    pass_time(1s);
    EXPECT_FALSE(a.member->knows_flows(now_)) << "somebody may be there";
    pass_time(2s);
    EXPECT_TRUE(a.member->knows_flows(now_));
    auto& b = add(2);
    pass_time(200ms);
    EXPECT_FALSE(b.member->knows_flows(now_));
    pass_time(4s);
    EXPECT_TRUE(b.member->knows_flows(now_));
}

TEST_F(SyncSnapshot, KeepsItsPace) {
    auto &a = add(1, 4096), &b = add(2, 4096);
    fill(a, b, 60'000);
    auto& c = add(3);
    for (int i = 0; i < 60 && report(c).snapshot == "waits for a peer"; ++i) pass_time(Member::kStep);
    const auto began = now_;
    while (report(c).snapshot != "complete" && now_ < began + 60s) pass_time(Member::kStep);
    const auto ideal = std::chrono::duration<double>(60'000.0 / Serving::kFlowsPerSecond);
    EXPECT_GT(now_ - began, ideal * 0.6);
    EXPECT_LT(now_ - began, ideal * 1.5);
}

TEST_F(SyncSnapshot, AsksAnotherWhenTheFirstDiesInTheMiddle) {
    auto& a = add(1, 4096);
    pass_time(100ms);
    auto& b = add(2, 4096);
    fill(a, b, 50'000);
    const auto b_served = report(b).snapshots.served_total;
    auto& c = add(3);
    for (int i = 0; i < 500 && c.store.size() == 0; ++i) pass_time(Member::kStep);
    ASSERT_THAT(report(c).snapshot, StartsWith("coming from 10.0.0.1: "));
    ASSERT_LT(c.store.size(), 50'000u);
    a.member.reset();
    pass_time(1s);
    ASSERT_LT(c.store.size(), 50'000u);
    pass_time(4s);
    EXPECT_EQ(c.store.size(), 50'000u);
    EXPECT_EQ(report(c).snapshot, "complete");
    EXPECT_EQ(report(c).snapshots.abandoned_total, 1u);
    EXPECT_EQ(report(b).snapshots.served_total, b_served + 1);
}

TEST_F(SyncSnapshot, AsksAgainWhereTheRequestIsLost) {
    auto &a = add(1), &b = add(2);
    fill(a, b, 100);
    bool lost_one = false;
    network_.pass = [&](const auto& sent, const auto&) {
        if (sent.bytes.at(5) != static_cast<uint8_t>(Type::snapshot_request) || lost_one) return true;
        lost_one = true;
        return false;
    };
    auto& c = add(3);
    pass_time(5s);
    EXPECT_TRUE(lost_one);
    EXPECT_EQ(c.store.size(), 100u);
    EXPECT_EQ(report(c).snapshots.asked_total, 2u);
}

TEST_F(SyncSnapshot, SaysHowManyFlowsOfItAreMissing) {
    auto &a = add(1), &b = add(2);
    fill(a, b, 10'000);
    int number = 0;
    network_.pass = [&](const auto& sent, const auto& receiver) {
        const bool flows = sent.bytes.at(5) == static_cast<uint8_t>(Type::flows);
        return !flows || receiver.address != ip("10.0.0.3") || ++number % 10 != 0;
    };
    auto& c = add(3);
    pass_time(3s);
    EXPECT_LT(c.store.size(), 10'000u);
    EXPECT_EQ(report(c).snapshot,
              fmt::format("complete but for {} flows, which the peers repeat", 10'000 - c.store.size()));
}

TEST_F(SyncSnapshot, ServesTwoOneAfterTheOther) {
    auto &a = add(1), &b = add(2);
    fill(a, b, 10'000);
    auto &c = add(3), &d = add(4);
    pass_time(6s);
    EXPECT_EQ(c.store.size(), 10'000u);
    EXPECT_EQ(d.store.size(), 10'000u);
    EXPECT_EQ(report(c).snapshot, "complete");
    EXPECT_EQ(report(d).snapshot, "complete");
}

TEST_F(SyncSnapshot, BeginsAnewWithATableOfAnotherSize) {
    auto &a = add(1), &b = add(2);
    fill(a, b, 100);
    const auto before = report(b).snapshots.received_total;
    b.store.resize(128);
    pass_time(2s);
    EXPECT_EQ(report(b).snapshots.received_total, before + 1);
    a.store.resize(256);
    b.store.resize(64);
    a.store.see(target(1), flow(200));
    pass_time(2s);
    EXPECT_TRUE(b.store.find(200));
}

TEST_F(SyncSnapshot, AsksWhoComesBackForWhatItHasMissed) {
    auto &a = add(1), &b = add(2), &c = add(3);
    pass_time(3s);
    const auto before = report(c).snapshots.received_total;
    network_.pass = [&](const auto& sent, const auto& receiver) {
        return sent.from != c.at && receiver != c.at;
    };
    a.store.see(target(1), flow(5));
    pass_time(kSilentAfter + 5s);
    EXPECT_TRUE(b.store.find(5));
    EXPECT_FALSE(c.store.find(5));
    network_.pass = nullptr;
    pass_time(5s);
    EXPECT_TRUE(c.store.find(5));
    EXPECT_GT(report(c).snapshots.received_total, before);
}

}  // namespace
}  // namespace weir::sync
