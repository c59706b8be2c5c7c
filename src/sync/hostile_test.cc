// What changes nothing but a count.
#include <algorithm>

#include "sync/member_fixture.h"

namespace weir::sync {
namespace {

class HostileSync : public SyncGroup {
  protected:
    /// Nothing of a balancer's has changed but the counts of what it refused.
    template <class Do>
    void expect_refused(Balancer& by, Refused reason, uint64_t count, Do injure) {
        auto before = report(by);
        const auto flows = by.store.size();
        const auto news = by.news.size();
        injure();
        by.member->step(now_);
        auto after = report(by);
        for (size_t i = 0; i < kRefused; ++i)
            EXPECT_EQ(after.refused[i].total - before.refused[i].total,
                      i == static_cast<size_t>(reason) ? count : 0)
                << to_text(static_cast<Refused>(i));
        EXPECT_EQ(by.store.size(), flows);
        EXPECT_EQ(by.news.size(), news);
        ASSERT_EQ(after.peers.size(), before.peers.size());
        for (size_t i = 0; i < after.peers.size(); ++i) {
            EXPECT_EQ(after.peers[i].state, before.peers[i].state);
            EXPECT_EQ(after.peers[i].lost_total, before.peers[i].lost_total);
            EXPECT_EQ(after.peers[i].flows(), before.peers[i].flows());
        }
    }
    /// As a member's with this key would be.
    static Bytes made(Header header, const Bytes& body, const std::string& key = kKey) {
        Keys keys({key});
        header.key = keys.signing();
        auto bytes = write(header, body);
        keys.sign(bytes);
        return bytes;
    }
    Network::Sent last_flows_of(const Balancer& of) const {
        for (auto sent = network_.all.rbegin(); sent != network_.all.rend(); ++sent)
            if (sent->from == of.at && sent->bytes.at(5) == static_cast<uint8_t>(Type::flows)) return *sent;
        ADD_FAILURE() << "no flows were sent";
        return {};
    }
    const net::Endpoint stranger_{ip("10.0.0.66"), model::kSyncPort};
};

TEST_F(HostileSync, RefusesADatagramOfAnyOtherLength) {
    auto &a = add(1), &b = add(2);
    pass_time(1s);
    a.store.see(target(1), flow(5));
    pass_time(300ms);
    auto good = last_flows_of(a).bytes;
    for (size_t size = 0; size < good.size(); ++size) {
        Bytes cut(good.begin(), good.begin() + static_cast<ptrdiff_t>(size));
        auto reason = size < kLeastDatagram ? Refused::wrong_size : Refused::forged;
        expect_refused(b, reason, 1, [&] { network_.inject(a.at, b.at, cut); });
    }
    Bytes huge(kMostDatagram + 1);
    expect_refused(b, Refused::wrong_size, 1, [&] { network_.inject(a.at, b.at, huge); });
}

TEST_F(HostileSync, RefusesADatagramWithAnyBitFlipped) {
    auto &a = add(1), &b = add(2);
    pass_time(1s);
    a.store.see(target(1), flow(5));
    pass_time(300ms);
    const auto good = last_flows_of(a).bytes;
    const auto peers = report(b).peers.size();
    for (size_t bit = 0; bit < 8 * good.size(); ++bit) {
        auto flipped = good;
        flipped[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
        const auto before = refused(b);
        network_.inject(stranger_, b.at, flipped);
        b.member->step(now_);
        EXPECT_EQ(refused(b), before + 1) << bit;
    }
    EXPECT_EQ(b.store.size(), 1u);
    EXPECT_EQ(report(b).peers.size(), peers);
}

TEST_F(HostileSync, RefusesOtherKeysLaterVersionsAndOtherPrograms) {
    auto &a = add(1), &b = add(2);
    pass_time(1s);
    const Header header{.type = 2, .sender = 4, .sequence = 1};
    expect_refused(b, Refused::unknown_key, 1,
                   [&] { network_.inject(a.at, b.at, made(header, {}, kOtherKey)); });
    expect_refused(b, Refused::unproven, 1, [&] { network_.inject(a.at, b.at, made(header, {})); });
    auto later = header;
    later.version = 2;
    expect_refused(b, Refused::version, 1, [&] { network_.inject(a.at, b.at, made(later, {})); });
    expect_refused(b, Refused::not_weir, 1, [&] { network_.inject(a.at, b.at, Bytes(200, 0x42)); });
    EXPECT_EQ(report(b).refused[static_cast<size_t>(Refused::not_weir)].last_from, a.at);
}

/// A member of the group that a test writes itself: with the key, it can prove itself.
class ForgedSync : public HostileSync {
  protected:
    /// It is believed by `by` from now on.
    void prove(Balancer& by, uint64_t id, const net::Endpoint& from) {
        network_.port(from);
        network_.inject(from, by.at,
                        made({.type = 1, .sender = id, .sequence = ++sequence_}, write(Heartbeat{})));
        pass_time(200ms);
        challenge_ = challenge_of(by, id);
        ASSERT_NE(challenge_, 0u);
        Heartbeat proof{.heard = {{run_of(by), 99, challenge_, 0, 0, true}}};
        network_.inject(from, by.at, made({.type = 1, .sender = id, .sequence = ++sequence_}, write(proof)));
        by.member->step(now_);
    }
    std::optional<Network::Sent> last_heartbeat_of(const Balancer& of) const {
        for (auto sent = network_.all.rbegin(); sent != network_.all.rend(); ++sent)
            if (sent->from == of.at && sent->bytes.at(5) == 1) return *sent;
        return std::nullopt;
    }
    uint64_t run_of(const Balancer& of) const { return read_header(last_heartbeat_of(of)->bytes)->sender; }
    uint64_t challenge_of(const Balancer& of, uint64_t id) const {
        auto bytes = last_heartbeat_of(of)->bytes;
        auto heartbeat = read_heartbeat(std::span(bytes).subspan(kHeaderSize, bytes.size() - kLeastDatagram));
        for (const auto& each : heartbeat->heard)
            if (each.peer == id) return each.challenge;
        return 0;
    }
    Bytes flows_body() const {
        FlowsWriter writer(6);
        writer.add(target(1), flow(666));
        return writer.take().at(0).bytes;
    }

    uint64_t sequence_ = 0;
    uint64_t challenge_ = 0;
};

TEST_F(ForgedSync, RefusesNonsenseThatIsSigned) {
    auto& b = add(2);
    prove(b, 4, stranger_);
    ASSERT_EQ(report(b).peers.at(0).state, PeerState::up);
    auto send = [&](uint8_t type, uint64_t to, const Bytes& body) {
        network_.inject(stranger_, b.at,
                        made({.type = type,
                              .fingerprint = fingerprint_of(7),
                              .sender = 4,
                              .to = to,
                              .sequence = ++sequence_},
                             body));
    };
    expect_refused(b, Refused::malformed, 1, [&] { send(2, 0, {6}); });
    expect_refused(b, Refused::malformed, 1, [&] { send(1, 0, {6}); });
    expect_refused(b, Refused::malformed, 1, [&] { send(3, 0, write(SnapshotRequest{1})); });
    expect_refused(b, Refused::malformed, 1, [&] { send(4, 0, write(SnapshotEnd{1, 1})); });
    expect_refused(b, Refused::unknown_type, 1, [&] { send(77, 0, {}); });
    expect_refused(b, Refused::misdirected, 1, [&] { send(2, 12345, flows_body()); });
    send(2, 0, flows_body());
    b.member->step(now_);
    EXPECT_TRUE(b.store.find(666)) << "what is good is still taken";
}

TEST_F(ForgedSync, TakesNoMoreSendersThanAGroupHas) {
    auto& b = add(2);
    for (uint64_t id = 100; id < 100 + kMostPeers; ++id) {
        net::Endpoint from{net::Ip::v4({10, 0, 1, static_cast<uint8_t>(id)}), model::kSyncPort};
        sequence_ = 0;
        prove(b, id, from);
    }
    EXPECT_EQ(report(b).peers.size(), kMostPeers);
    expect_refused(b, Refused::crowded, 1, [&] {
        network_.inject(stranger_, b.at, made({.type = 1, .sender = 7, .sequence = 1}, write(Heartbeat{})));
    });
}

TEST_F(ForgedSync, GivesThePlaceOfOneThatProvesNothingToANewcomer) {
    auto& b = add(2);
    for (uint64_t id = 100; id < 500; ++id)
        network_.inject(stranger_, b.at, made({.type = 1, .sender = id, .sequence = 1}, write(Heartbeat{})));
    pass_time(200ms);
    auto& a = add(1);
    pass_time(1s);
    EXPECT_EQ(state(b, a), PeerState::up);
}

TEST_F(HostileSync, BelievesNoRecordingOfAnEarlierRun) {
    auto &a = add(1), &b = add(2);
    pass_time(1s);
    for (uint64_t i = 0; i < 500; ++i) a.store.see(target(1), flow(i));
    pass_time(1s);
    const auto recorded = network_.all;
    // Both are new, and b's table is empty.
    start(a);
    b.store = FakeStore({target(1), target(2)});
    start(b);
    a.member.reset();
    auto replay = [&] {
        for (const auto& sent : recorded) {
            if (sent.from != a.at) continue;
            network_.inject(a.at, b.at, sent.bytes);
            pass_time(Member::kStep);
        }
    };
    replay();
    EXPECT_EQ(b.store.size(), 0u);
    EXPECT_TRUE(b.news.size() == 1 || b.news.empty());
    EXPECT_EQ(state(b, a), PeerState::greeting);
    EXPECT_GT(refused(b, Refused::unproven), 0u);
    // And those that the replay pretends to be are not kept out.
    start(a);
    pass_time(3s);
    EXPECT_EQ(state(b, a), PeerState::up);
    EXPECT_EQ(b.store.size(), 500u) << "by a's own word";
}

TEST_F(HostileSync, BelievesNoRecordingOfOneThatItHasForgotten) {
    auto &a = add(1), &b = add(2);
    pass_time(1s);
    for (uint64_t i = 0; i < 500; ++i) a.store.see(target(1), flow(i));
    pass_time(1s);
    const auto recorded = network_.all;
    a.member.reset();
    pass_time(kSilentAfter + kForgottenAfter + 1s);
    EXPECT_TRUE(report(b).peers.empty());
    b.store = FakeStore({target(1), target(2)});
    for (const auto& sent : recorded) {
        if (sent.from != a.at) continue;
        network_.inject(a.at, b.at, sent.bytes);
        pass_time(Member::kStep);
    }
    EXPECT_EQ(b.store.size(), 0u);
    EXPECT_EQ(state(b, a), PeerState::greeting);
}

TEST_F(HostileSync, BelievesNoRecordingWhileTheRunGoesOn) {
    auto &a = add(1), &b = add(2);
    pass_time(1s);
    for (uint64_t i = 0; i < 500; ++i) a.store.see(target(1), flow(i));
    pass_time(5s);
    std::vector<Bytes> recorded;
    for (const auto& sent : network_.all)
        if (sent.from == a.at) recorded.push_back(sent.bytes);
    for (const auto& bytes : recorded)
        expect_refused(b, Refused::replayed, 1, [&] { network_.inject(a.at, b.at, bytes); });
    EXPECT_EQ(state(b, a), PeerState::up);
}

TEST_F(HostileSync, IsNotTakenInByItsOwnWords) {
    auto &a = add(1), &b = add(2);
    pass_time(1s);
    auto own = std::ranges::find(network_.all, a.at, &Network::Sent::from)->bytes;
    expect_refused(a, Refused::replayed, 1, [&] { network_.inject(b.at, a.at, own); });
}

TEST_F(HostileSync, LooksOnlyAtSoManyDatagramsOfStrangers) {
    auto &a = add(1), &b = add(2);
    pass_time(1s);
    auto forged = made({.type = 1, .sender = 3, .sequence = 1}, write(Heartbeat{}));
    forged.back() ^= 1;
    auto flood = [&](size_t count) {
        for (size_t i = 0; i < count; ++i) network_.inject(stranger_, b.at, forged);
    };
    flood(400);
    b.member->step(now_);
    EXPECT_EQ(refused(b, Refused::forged), Member::kMostStrange);
    EXPECT_EQ(refused(b, Refused::flooding), 400 - Member::kMostStrange);
    // What a peer says comes through, as long as the kernel keeps it.
    for (uint64_t i = 0; i < 100; ++i) {
        flood(400);
        a.store.see(target(1), flow(i));
        pass_time(Member::kStep);
    }
    pass_time(1s);
    EXPECT_EQ(b.store.size(), 100u);
    EXPECT_EQ(state(b, a), PeerState::up);
    EXPECT_EQ(lost(b), 0u);
}

TEST_F(HostileSync, TakesNoMoreThanSoManyAtOnce) {
    auto& b = add(2);
    for (int i = 0; i < 2000; ++i) network_.inject(stranger_, b.at, Bytes(200));
    b.member->step(now_);
    EXPECT_EQ(report(b).received_datagrams_total, Member::kMostReceived);
}

TEST_F(HostileSync, AnswersNoFasterThanItMay) {
    auto& b = add(2);
    pass_time(1s);
    network_.all.clear();
    for (uint64_t i = 0; i < 500; ++i) {
        network_.inject(stranger_, b.at,
                        made({.type = 1, .sender = 1000 + i, .sequence = 1}, write(Heartbeat{})));
        pass_time(Member::kStep);
    }
    EXPECT_LE(network_.all.size(), 10'000u / 50);
}

}  // namespace
}  // namespace weir::sync
