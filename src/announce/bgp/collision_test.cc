// Two connections at a time: collisions, and peers that come back (session.h).
#include "announce/bgp/session_fixture.h"

namespace weir::announce::bgp {
namespace {

TEST_F(BgpSession, KeepsItsOwnConnectionOfTwoWhenItsIdentifierIsTheHigher) {
    start();
    connected(Side::ours);
    connected(Side::theirs);
    hear(Side::theirs, their_open());
    EXPECT_EQ(state(), State::open_confirm);
    hear(Side::ours, their_open());
    EXPECT_EQ(told(Side::theirs), (Notification{ErrorCode::cease, cease::kCollision}));
    EXPECT_TRUE(closed(Side::theirs));
    EXPECT_FALSE(closed(Side::ours));
    hear(Side::ours, Keepalive{});
    EXPECT_EQ(did<Up>()->side, Side::ours);
}

TEST_F(BgpSession, KeepsThePeersConnectionOfTwoWhenItsIdentifierIsTheHigher) {
    start();
    connected(Side::ours);
    connected(Side::theirs);
    const auto higher = their_open(kOurs + 1);
    hear(Side::theirs, higher);
    hear(Side::ours, higher);
    EXPECT_EQ(told(Side::ours), (Notification{ErrorCode::cease, cease::kCollision}));
    EXPECT_TRUE(closed(Side::ours));
    hear(Side::theirs, Keepalive{});
    EXPECT_EQ(did<Up>()->side, Side::theirs);
    EXPECT_FALSE(session_.next() == std::nullopt);
}

TEST_F(BgpSession, GivesUpConnectingWhenThePeersConnectionComesUp) {
    start();
    establish(Side::theirs);
    EXPECT_TRUE(closed(Side::ours));
    EXPECT_FALSE(told(Side::ours)) << "nothing is connected";
    EXPECT_EQ(state(), State::established);
    while (session_.next() && state() == State::established) {
        wait();
        EXPECT_FALSE(did<Connect>());
    }
}

TEST_F(BgpSession, GoesOnConnectingWhenThePeersConnectionFails) {
    start();
    connected(Side::theirs);
    lose(Side::theirs);
    EXPECT_EQ(state(), State::connect);
    EXPECT_LE(wait(), 5s);
    EXPECT_TRUE(closed(Side::ours)) << "nobody answers";
    EXPECT_TRUE(did<Connect>());
}

TEST_F(BgpSession, GoesOnWithTheOtherConnectionWhenOneBreaks) {
    start();
    connected(Side::ours);
    connected(Side::theirs);
    hear(Side::theirs, their_open());
    lose(Side::ours);
    EXPECT_EQ(state(), State::open_confirm);
    hear(Side::theirs, Keepalive{});
    EXPECT_EQ(state(), State::established);
}

TEST_F(BgpSession, TakesThePeersWordInACollisionAsNoFailure) {
    start();
    connected(Side::ours);
    connected(Side::theirs);
    hear(Side::theirs, their_open(kOurs + 1));
    hear(Side::ours, Notification{ErrorCode::cease, cease::kCollision});
    EXPECT_FALSE(did<Failed>());
    EXPECT_EQ(state(), State::open_confirm);
}

TEST_F(BgpSession, RefusesAnotherConnectionWhileASessionIsUp) {
    start();
    establish();
    EXPECT_EQ(session_.admit(now_).refused, (Notification{ErrorCode::cease, cease::kCollision}));
    EXPECT_EQ(state(), State::established);
}

TEST_F(BgpSession, RefusesItAsWellFromAPeerThatOnlyKnowsOfGracefulRestart) {
    start();
    connected(Side::ours);
    auto aware = their_open();
    aware.capabilities.graceful_restart = GracefulRestart{};
    hear(Side::ours, aware);
    hear(Side::ours, Keepalive{});
    EXPECT_TRUE(session_.admit(now_).refused);
    EXPECT_EQ(state(), State::established);
}

TEST_F(BgpSession, LetsAPeerThatRestartsGracefullyTakeTheSessionsPlace) {
    for (auto side : {Side::ours, Side::theirs}) {
        Session session({.terms = terms()}, 1);
        session.start(now_);
        auto graceful = their_open();
        graceful.capabilities.graceful_restart = GracefulRestart{false, 120, {{Family::v4, true}}};
        session.connected(side, now_);
        session.received(side, graceful, now_);
        session.received(side, Keepalive{}, now_);
        ASSERT_EQ(session.state(), State::established);
        auto admission = session.admit(now_);
        EXPECT_FALSE(admission.refused);
        take(std::move(admission.before));
        EXPECT_TRUE(closed(side));
        EXPECT_FALSE(told(side)) << "it would forget the routes";
        EXPECT_TRUE(did<Down>());
        session.connected(Side::theirs, now_);
        session.received(Side::theirs, graceful, now_);
        take(session.received(Side::theirs, Keepalive{}, now_));
        EXPECT_TRUE(did<Up>());
    }
}

TEST_F(BgpSession, HearsNothingOfConnectionsThatAreGone) {
    start();
    establish();
    lose(Side::ours);
    for (auto side : {Side::ours, Side::theirs}) {
        hear(side, Keepalive{});
        EXPECT_TRUE(done_.empty());
        lose(side);
        EXPECT_TRUE(done_.empty());
        take(session_.refused(side, {}, now_));
        EXPECT_TRUE(done_.empty());
    }
}

TEST_F(BgpSession, SaysThatItForwardsOnlyOnceItHasAnnounced) {
    auto cold = terms();
    cold.capabilities.graceful_restart = GracefulRestart{false, 120, {{Family::v4, false}}};
    session_ = Session({.terms = cold}, 1);
    auto said = [&] {
        auto open = read_message(did<Send>()->message, {});
        return *std::get<Open>(*open).capabilities.graceful_restart;
    };
    start();
    connected(Side::ours);
    EXPECT_FALSE(said().forwarding.at(Family::v4)) << "routes that the peer still has lead nowhere";
    hear(Side::ours, their_open());
    hear(Side::ours, Keepalive{});
    lose(Side::ours);
    wait();
    connected(Side::ours);
    EXPECT_TRUE(said().forwarding.at(Family::v4));
    EXPECT_FALSE(said().restarting);
}

TEST_F(BgpRestarting, SaysThatItHasRestartedUntilASessionWasUp) {
    start();
    connected(Side::ours);
    auto said = read_message(did<Send>()->message, {});
    EXPECT_TRUE(std::get<Open>(*said).capabilities.graceful_restart->restarting);
    hear(Side::ours, their_open());
    hear(Side::ours, Keepalive{});
    lose(Side::ours);
    wait();
    connected(Side::ours);
    said = read_message(did<Send>()->message, {});
    EXPECT_FALSE(std::get<Open>(*said).capabilities.graceful_restart->restarting);
}

}  // namespace
}  // namespace weir::announce::bgp
