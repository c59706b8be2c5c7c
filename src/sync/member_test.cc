// What balancers of a group tell each other, and what they believe.
#include "sync/member.h"

#include "sync/member_fixture.h"

namespace weir::sync {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

TEST_F(SyncGroup, FindsItsMembers) {
    auto &a = add(1), &b = add(2), &c = add(3);
    pass_time(1s);
    for (auto* of : {&a, &b, &c})
        for (auto* peer : {&a, &b, &c}) {
            if (of == peer) continue;
            EXPECT_EQ(state(*of, *peer), PeerState::up);
        }
    EXPECT_THAT(a.news,
                testing::UnorderedElementsAre(Pair(EventKind::sync_peer_up, "10.0.0.2 shares its flows"),
                                              Pair(EventKind::sync_peer_up, "10.0.0.3 shares its flows")));
    EXPECT_EQ(row(a, b)->node, b.at.address);
}

TEST_F(SyncGroup, ToldAFlowByOneAllHaveItUnderTheBackendsAddress) {
    auto &a = add(1), &b = add(2), &c = add(3);
    pass_time(2s);
    a.store.see(target(2), flow(77, FlowState::established, 3s));
    pass_time(300ms);
    for (auto* each : {&b, &c}) {
        ASSERT_TRUE(each->store.find(77));
        EXPECT_EQ(*each->store.find(77), flow(77, FlowState::established, 3s));
        EXPECT_EQ(*each->store.target_of(77), target(2));
        EXPECT_EQ(report(*each).flows_from_peers, 1u);
    }
    EXPECT_EQ(row(b, a)->flows_total.taken, 1u);
    EXPECT_EQ(report(a).sent.flows_total, 1u);
}

TEST_F(SyncGroup, HearsOfAFlowsLifeAndEnd) {
    auto &a = add(1), &b = add(2);
    pass_time(2s);
    a.store.see(target(1), flow(5, FlowState::established));
    pass_time(300ms);
    a.store.see(target(1), flow(5, FlowState::established, 1s));
    pass_time(300ms);
    EXPECT_EQ(b.store.find(5)->idle, 1s);
    a.store.see(target(1), flow(5, FlowState::closing));
    pass_time(300ms);
    EXPECT_EQ(b.store.find(5)->state, FlowState::closing);
    EXPECT_EQ(row(b, a)->flows_total.taken, 3u);
}

TEST_F(SyncGroup, LetsNoPeersWordGoBeforeWhatItHasSeenItself) {
    auto &a = add(1), &b = add(2);
    pass_time(2s);
    b.store.see(target(1), flow(5));
    a.store.see(target(2), flow(5));
    pass_time(1s);
    EXPECT_EQ(*b.store.target_of(5), target(1));
    EXPECT_EQ(row(b, a)->flows_total.kept, 1u);
}

TEST_F(SyncGroup, CountsFlowsOfTargetsThatItDoesNotHave) {
    auto &a = add(1), &b = add(2);
    pass_time(1s);
    a.store.see(target(9), flow(5));
    pass_time(300ms);
    EXPECT_EQ(row(b, a)->flows_total.unknown, 1u);
    EXPECT_EQ(b.store.size(), 0u);
}

TEST_F(SyncGroup, TellsWithItsOwnTablesSize) {
    auto &a = add(1, 64), &b = add(2, 4096);
    pass_time(1s);
    a.store.see(target(1), flow(5));
    b.store.see(target(1), flow(6));
    pass_time(300ms);
    EXPECT_EQ(b.store.last_bucket_bits, 6u);
    EXPECT_EQ(a.store.last_bucket_bits, 12u);
}

TEST_F(SyncGroup, FillsNoMoreThanAShareOfTheTable) {
    auto &a = add(1), &b = add(2);
    auto sync = settings();
    sync.share = 1;
    start(b, sync);
    for (uint64_t i = 0; i < 2000; ++i) a.store.see(target(1), flow(i));
    pass_time(3s);
    EXPECT_EQ(b.store.size(), 1000u);
    EXPECT_GE(row(b, a)->flows_total.full, 1000u);
}

TEST_F(SyncGroup, KeepsWhatNobodyHearsForThoseWhoCome) {
    auto& a = add(1);
    for (uint64_t i = 0; i < 100; ++i) a.store.see(target(1), flow(i));
    pass_time(5s);
    EXPECT_EQ(report(a).sent.flows_total, 0u);
    auto& b = add(2);
    pass_time(500ms);
    EXPECT_EQ(b.store.size(), 100u);
}

TEST_F(SyncGroup, SpeaksToPeersOneByOneWithoutAGroup) {
    auto &a = add(1), &b = add(2), &c = add(3);
    auto alone = [](std::vector<net::Endpoint> peers) {
        auto sync = settings();
        sync.group.reset();
        sync.peers = std::move(peers);
        return sync;
    };
    start(a, alone({b.at, c.at}));
    start(b, alone({a.at, c.at}));
    start(c, alone({a.at, b.at}));
    pass_time(1s);
    a.store.see(target(1), flow(5));
    pass_time(300ms);
    EXPECT_TRUE(b.store.find(5));
    EXPECT_TRUE(c.store.find(5));
    EXPECT_EQ(refused(b), 0u);
    EXPECT_EQ(lost(b) + lost(c), 0u);
}

TEST_F(SyncGroup, TakesARunAgainForTheSamePeer) {
    auto &a = add(1), &b = add(2);
    pass_time(1s);
    b.news.clear();
    start(a);
    pass_time(1s);
    EXPECT_EQ(state(b, a), PeerState::up);
    EXPECT_EQ(report(b).peers.size(), 1u);
    EXPECT_THAT(b.news, ElementsAre(Pair(EventKind::sync_peer_up,
                                         "10.0.0.1 shares its flows again: it has restarted")));
    a.store.see(target(1), flow(5));
    pass_time(300ms);
    EXPECT_TRUE(b.store.find(5));
}

TEST_F(SyncGroup, NoticesThatAPeerIsSilentAndForgetsIt) {
    auto &a = add(1), &b = add(2);
    pass_time(1s);
    a.member.reset();
    pass_time(kSilentAfter + 1s);
    EXPECT_EQ(state(b, a), PeerState::silent);
    EXPECT_THAT(row(b, a)->fault, HasSubstr("nothing has come from it for "));
    EXPECT_THAT(b.news.back(),
                Pair(EventKind::sync_peer_down, "10.0.0.1 shares no flows: it has been silent for 5 s"));
    pass_time(kForgottenAfter);
    EXPECT_FALSE(row(b, a));
}

TEST_F(SyncGroup, ShowsThatAPeerGoes) {
    auto &a = add(1), &b = add(2);
    pass_time(1s);
    a.member->leave(now_);
    a.member.reset();
    pass_time(40ms);
    EXPECT_EQ(state(b, a), PeerState::left);
    EXPECT_EQ(b.news.back().first, EventKind::sync_peer_down);
}

TEST_F(SyncGroup, BelievesNobodyWhoDoesNotHearIt) {
    auto &a = add(1), &b = add(2);
    network_.pass = [&](const auto&, const auto& receiver) { return receiver != a.at; };
    a.store.see(target(1), flow(5));
    pass_time(10s);
    EXPECT_EQ(state(b, a), PeerState::greeting);
    EXPECT_THAT(row(b, a)->fault, HasSubstr("it does not hear this balancer"));
    EXPECT_EQ(report(b).sent.flows_total, 0u);
    network_.pass = nullptr;
    pass_time(1s);
    EXPECT_EQ(state(b, a), PeerState::up);
    EXPECT_TRUE(b.store.find(5));
}

TEST_F(SyncGroup, NoticesThatAPeerHearsItNoMore) {
    auto &a = add(1), &b = add(2);
    pass_time(1s);
    network_.pass = [&](const auto&, const auto& receiver) { return receiver != a.at; };
    pass_time(kSilentAfter + 1s);
    EXPECT_EQ(state(b, a), PeerState::greeting);
    EXPECT_EQ(state(a, b), PeerState::silent);
    pass_time(kForgottenAfter);
    network_.pass = nullptr;
    pass_time(2s);
    EXPECT_EQ(state(a, b), PeerState::up);
    EXPECT_EQ(state(b, a), PeerState::up);
    EXPECT_EQ(refused(a, Refused::replayed) + refused(b, Refused::replayed), 0u);
    // Also what goes to one alone is taken, though one has forgotten how much it had sent.
    EXPECT_GT(report(a).snapshots.received_total, 0u);
}

TEST_F(SyncGroup, CountsWhatIsLostOnTheWayOnBothSides) {
    auto &a = add(1), &b = add(2);
    pass_time(1s);
    int number = 0;
    network_.pass = [&](const auto& sent, const auto&) { return sent.from != a.at || ++number % 4 != 0; };
    for (uint64_t i = 0; i < 400; ++i) {
        a.store.see(target(1), flow(i));
        pass_time(200ms);
    }
    network_.pass = nullptr;
    pass_time(2s);
    EXPECT_EQ(row(b, a)->lost_total, static_cast<uint64_t>(number / 4));
    EXPECT_EQ(row(a, b)->lost_there_total, static_cast<uint64_t>(number / 4));
    EXPECT_EQ(refused(b), 0u);
}

TEST_F(SyncGroup, TakesDuplicatesOnceAndReorderedDatagramsInAnyOrder) {
    auto &a = add(1), &b = add(2);
    pass_time(1s);
    auto& port = network_.port(b.at);
    for (uint64_t i = 0; i < 3000; ++i) a.store.see(target(1), flow(i));
    for (int step = 0; step < 20; ++step) {
        now_ += Member::kStep;
        a.member->step(now_);
    }
    ASSERT_GT(port.queue.size(), 20u);
    std::ranges::reverse(port.queue);
    const auto once = port.queue;
    port.queue.insert(port.queue.end(), once.begin(), once.end());
    b.member->step(now_);
    EXPECT_EQ(b.store.size(), 3000u);
    EXPECT_EQ(lost(b), 0u);
    EXPECT_EQ(refused(b, Refused::replayed), once.size());
    EXPECT_EQ(row(b, a)->repeated_total, once.size());
}

TEST_F(SyncGroup, MeasuresTheWayThereAndBack) {
    auto &a = add(1), &b = add(2);
    pass_time(3s);
    // Each looks at what has come every 20 ms.
    EXPECT_LE(row(a, b)->round_trip, 2 * Member::kStep);
    EXPECT_GE(row(a, b)->round_trip, 0ms);
    EXPECT_GE(row(a, b)->lag, 180ms);
    EXPECT_LE(row(a, b)->lag, 260ms);
}

TEST_F(SyncGroup, TriesAgainWhatTheKernelHasNoRoomFor) {
    auto &a = add(1), &b = add(2);
    pass_time(1s);
    network_.port(a.at).result = Sending::busy;
    for (uint64_t i = 0; i < 1000; ++i) a.store.see(target(1), flow(i));
    pass_time(1s);
    EXPECT_EQ(b.store.size(), 0u);
    EXPECT_GT(report(a).sent.deferred_total, 0u);
    network_.port(a.at).result = Sending::done;
    pass_time(1s);
    EXPECT_EQ(b.store.size(), 1000u);
    EXPECT_EQ(lost(b), 0u);
}

TEST_F(SyncGroup, GoesOnWhereTheKernelDoesNotSend) {
    auto &a = add(1), &b = add(2);
    pass_time(1s);
    network_.port(a.at).result = Sending::failed;
    a.store.see(target(1), flow(5));
    pass_time(1s);
    network_.port(a.at).result = Sending::done;
    pass_time(1s);
    EXPECT_GT(report(a).sent.failed_total, 0u);
    EXPECT_EQ(state(b, a), PeerState::up);
    EXPECT_GT(lost(b), 0u);
}

TEST_F(SyncGroup, ChangesItsKeysWithoutLosingADatagram) {
    auto &a = add(1), &b = add(2);
    pass_time(1s);
    uint64_t hash = 0;
    auto step = [&](std::vector<std::string> keys) {
        for (auto* each : {&a, &b}) {
            each->member->set(settings(keys), each->at.address);
            a.store.see(target(1), flow(++hash));
            b.store.see(target(1), flow(++hash));
            pass_time(1s);
        }
    };
    step({kKey, kOtherKey});
    step({kOtherKey, kKey});
    step({kOtherKey});
    EXPECT_EQ(hash, 12u);
    EXPECT_EQ(a.store.size(), 12u);
    EXPECT_EQ(b.store.size(), 12u);
    EXPECT_EQ(refused(a) + refused(b), 0u);
    EXPECT_EQ(lost(a) + lost(b), 0u);
}

TEST_F(SyncGroup, TakesNoFlowsWhoseHashesAreOthers) {
    auto &a = add(1), &b = add(2);
    start(b, settings({kKey}, 8));
    a.store.see(target(1), flow(5));
    pass_time(2s);
    EXPECT_EQ(b.store.size(), 0u);
    EXPECT_GT(refused(b, Refused::wrong_secret), 0u);
    EXPECT_EQ(state(b, a), PeerState::up);
    EXPECT_THAT(row(b, a)->fault, HasSubstr("another secret"));
    EXPECT_THAT(row(a, b)->fault, HasSubstr("another secret"));
}

TEST_F(SyncGroup, AgreesOnTheOneThatAnswersForVips) {
    auto &a = add(1), &b = add(2), &c = add(3);
    for (auto* each : {&a, &b, &c}) each->member->stand(true);
    auto answering = [&] {
        std::vector<const Balancer*> all;
        for (auto* each : {&a, &b, &c})
            if (each->member && !each->member->is_outranked()) all.push_back(each);
        return all;
    };
    EXPECT_THAT(answering(), ElementsAre(&a, &b, &c)) << "nobody knows of anybody yet";
    pass_time(2s);
    EXPECT_THAT(answering(), ElementsAre(&a)) << "the lowest node address";
    a.member->stand(false);
    pass_time(1s);
    EXPECT_THAT(answering(), ElementsAre(&a, &b)) << "of those that are ready; a itself announces nothing";
    a.member->stand(true);
    pass_time(1s);
    EXPECT_THAT(answering(), ElementsAre(&a));
    a.member.reset();
    pass_time(kSilentAfter + 1s);
    EXPECT_THAT(answering(), ElementsAre(&b));
    b.member->leave(now_);
    b.member.reset();
    pass_time(40ms);
    EXPECT_THAT(answering(), ElementsAre(&c));
}

TEST_F(SyncGroup, ReadsATableThatIsTooLargeForOneRoundBitByBit) {
    auto &a = add(1, 1 << 20), &b = add(2);
    pass_time(1s);
    a.store.see(target(1), flow((1 << 20) - 1));
    pass_time(2s);
    EXPECT_TRUE(b.store.find((1 << 20) - 1));
    EXPECT_EQ(report(a).pass, 32 * Member::kStep);
}

}  // namespace
}  // namespace weir::sync
