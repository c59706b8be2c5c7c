#include "announce/bgp/session_fixture.h"

namespace weir::announce::bgp {
namespace {

using testing::HasSubstr;

TEST_F(BgpSession, IsIdleUntilItIsStarted) {
    EXPECT_EQ(state(), State::idle);
    EXPECT_FALSE(session_.next());
    EXPECT_TRUE(session_.admit(now_).refused);
}

TEST_F(BgpSession, ComesUpOverAConnectionOfItsOwn) {
    start();
    EXPECT_TRUE(did<Connect>());
    EXPECT_EQ(state(), State::connect);
    connected(Side::ours);
    EXPECT_EQ(state(), State::open_sent);
    ASSERT_TRUE(did<Send>());
    EXPECT_EQ(did<Send>()->message, write(offer(terms())));
    hear(Side::ours, their_open());
    EXPECT_EQ(state(), State::open_confirm);
    EXPECT_TRUE(sent_keepalive());
    EXPECT_FALSE(did<Up>());
    hear(Side::ours, Keepalive{});
    EXPECT_EQ(state(), State::established);
    ASSERT_TRUE(did<Up>());
    EXPECT_EQ(did<Up>()->side, Side::ours);
    EXPECT_EQ(did<Up>()->agreed.hold_time, 9s) << "the smaller of the two";
    EXPECT_EQ(did<Up>()->agreed.families, std::set{Family::v4}) << "what both have";
    EXPECT_TRUE(session_.dialect(Side::ours).external);
}

TEST_F(BgpSession, TakesTheShorterHoldTime) {
    start();
    connected(Side::ours);
    auto shorter = their_open();
    shorter.hold_time = 3;
    hear(Side::ours, shorter);
    hear(Side::ours, Keepalive{});
    EXPECT_EQ(did<Up>()->agreed.hold_time, 3s);
    EXPECT_LE(wait(), 1s);
    EXPECT_TRUE(sent_keepalive());
}

TEST_F(BgpSession, RunsNoTimersWhereThePeerWantsNone) {
    start();
    connected(Side::ours);
    auto forever = their_open();
    forever.hold_time = 0;
    hear(Side::ours, forever);
    hear(Side::ours, Keepalive{});
    EXPECT_EQ(state(), State::established);
    EXPECT_FALSE(session_.next());
}

TEST_F(BgpSession, SendsKeepalivesThreeTimesInAHoldTimeWithJitter) {
    start();
    establish();
    std::set<Session::Duration> waits;
    for (int i = 0; i < 20; ++i) {
        auto waited = wait();
        ASSERT_TRUE(sent_keepalive());
        EXPECT_GE(waited, 2250ms);
        EXPECT_LE(waited, 3s);
        waits.insert(waited);
        hear(Side::ours, Keepalive{});
    }
    EXPECT_GT(waits.size(), 10u);
}

TEST_F(BgpSession, SendsNoMoreThanAKeepaliveASecond) {
    start();
    connected(Side::ours);
    auto hasty = their_open();
    hasty.hold_time = 3;
    hear(Side::ours, hasty);
    hear(Side::ours, Keepalive{});
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(wait(), 1s);
        ASSERT_TRUE(sent_keepalive());
        hear(Side::ours, Keepalive{});
    }
}

TEST_F(BgpSession, EndsASessionThatIsSilentForTheHoldTime) {
    start();
    establish();
    auto since = now_;
    while (state() == State::established) wait();
    EXPECT_EQ(now_ - since, 9s);
    EXPECT_EQ(told(Side::ours), (Notification{ErrorCode::hold_timer, 0}));
    EXPECT_TRUE(closed(Side::ours));
    ASSERT_TRUE(did<Down>());
    EXPECT_EQ(did<Down>()->why, "hold timer expired: it was silent for 9 s");
    EXPECT_EQ(state(), State::idle);
}

TEST_F(BgpSession, IsKeptAliveByUpdatesAsWell) {
    start();
    establish();
    for (int i = 0; i < 10; ++i) {
        pass(8s);
        hear(Side::ours, Received{});
    }
    EXPECT_EQ(state(), State::established);
}

TEST_F(BgpSession, WaitsFourMinutesForAnOpen) {
    start();
    connected(Side::ours);
    EXPECT_EQ(wait(), 240s);
    EXPECT_EQ(told(Side::ours), (Notification{ErrorCode::hold_timer, 0}));
    EXPECT_FALSE(did<Down>());
}

TEST_F(BgpSession, TriesAgainWhileNobodyAnswers) {
    start();
    for (int i = 0; i < 5; ++i) {
        auto waited = wait();
        EXPECT_GE(waited, 3750ms);
        EXPECT_LE(waited, 5s);
        EXPECT_TRUE(closed(Side::ours)) << "the former try is given up";
        EXPECT_TRUE(did<Connect>());
        EXPECT_EQ(state(), State::connect);
    }
}

TEST_F(BgpSession, TriesAgainWhenTheTimerSaysAfterARefusal) {
    start();
    lose(Side::ours);
    EXPECT_EQ(state(), State::active);
    ASSERT_TRUE(did<Failed>());
    EXPECT_EQ(did<Failed>()->why, "connection reset by peer");
    wait();
    EXPECT_TRUE(did<Connect>());
}

TEST_F(BgpSession, TriesAsOftenWhereThePeerLetsItInAndClosesAtOnce) {
    start();
    for (int i = 0; i < 10; ++i) {
        connected(Side::ours);
        lose(Side::ours);
        EXPECT_EQ(state(), State::active);
        EXPECT_TRUE(did<Failed>());
        EXPECT_LE(wait(), 5s);
        EXPECT_TRUE(did<Connect>());
    }
}

TEST_F(BgpSession, ComesBackSoonWhenTheConnectionBreaks) {
    start();
    establish();
    lose(Side::ours);
    ASSERT_TRUE(did<Down>());
    EXPECT_EQ(state(), State::active) << "the peer may connect at once";
    EXPECT_FALSE(session_.admit(now_).refused);
    EXPECT_LE(wait(), 1s);
    EXPECT_TRUE(did<Connect>());
}

TEST_F(BgpSession, RestsLongerAfterEachMistakeAndLetsNobodyIn) {
    start();
    auto former = Session::Duration::zero();
    for (int i = 0; i < 10; ++i) {
        connected(Side::ours);
        hear(Side::ours, Keepalive{});
        ASSERT_EQ(state(), State::idle);
        EXPECT_EQ(session_.admit(now_).refused, (Notification{ErrorCode::cease, cease::kRejected}));
        auto rested = wait();
        EXPECT_TRUE(did<Connect>());
        EXPECT_TRUE(rested > former || i >= 6) << i;
        EXPECT_LE(rested, 60s);
        former = rested;
    }
    EXPECT_GE(former, 45s);
}

TEST_F(BgpSession, ForgetsMistakesOnceASessionWasSteady) {
    start();
    for (int i = 0; i < 10; ++i) {
        connected(Side::ours);
        hear(Side::ours, Keepalive{});
        wait();
    }
    establish();
    for (int i = 0; i < 10; ++i) {
        pass(7s);
        hear(Side::ours, Keepalive{});
    }
    lose(Side::ours);
    EXPECT_LE(wait(), 1s);
}

TEST_F(BgpSession, RefusesAPeerOfAnotherAsAndSaysWhichTwo) {
    start();
    connected(Side::ours);
    auto stranger = their_open();
    stranger.asn = 65002;
    hear(Side::ours, stranger);
    EXPECT_EQ(told(Side::ours), (Notification{ErrorCode::open, open_error::kPeerAs}));
    ASSERT_TRUE(did<Failed>());
    EXPECT_EQ(did<Failed>()->why, "OPEN error, bad peer AS: it says AS 65002, the configuration says 65001");
    EXPECT_EQ(state(), State::idle);
}

TEST_F(BgpSession, RefusesAPeerWithoutAFamilyInCommonAndNamesThem) {
    start();
    connected(Side::ours);
    auto stranger = their_open();
    stranger.capabilities.families.clear();
    hear(Side::ours, stranger);
    EXPECT_EQ(told(Side::ours), (Notification{ErrorCode::open, open_error::kCapability,
                                              hex("01 04 0001 00 01 01 04 0002 00 01")}));
}

TEST_F(BgpSession, HasNoTwinInItsOwnAs) {
    auto own = terms();
    own.peer_asn = own.asn;
    auto twin = their_open(kOurs);
    twin.asn = own.asn;
    ASSERT_FALSE(agree(own, twin));
    EXPECT_EQ(agree(own, twin).error().notification,
              (Notification{ErrorCode::open, open_error::kIdentifier}));
    twin.router_id = kTheirs;
    EXPECT_TRUE(agree(own, twin));
    EXPECT_FALSE(agree(own, twin)->dialect.external);
    EXPECT_TRUE(agree(terms(), their_open(kOurs))) << "of another AS it may have the same (RFC 6286)";
}

TEST_F(BgpSession, AnswersTheWrongMessageInEachState) {
    const Message open = their_open(), update = Received{}, alive = Keepalive{},
                  again = Refresh{Family::v4, 0};
    struct Row {
        State state;
        Message message;
        uint8_t subcode, data;
    };
    const Row rows[] = {{State::open_sent, alive, 1, 4},     {State::open_sent, update, 1, 2},
                        {State::open_sent, again, 1, 5},     {State::open_confirm, open, 2, 1},
                        {State::open_confirm, update, 2, 2}, {State::open_confirm, again, 2, 5},
                        {State::established, open, 3, 1}};
    for (const auto& row : rows) {
        Session session({.terms = terms()}, 1);
        session.start(now_);
        session.connected(Side::ours, now_);
        if (row.state >= State::open_confirm) session.received(Side::ours, their_open(), now_);
        if (row.state == State::established) session.received(Side::ours, Keepalive{}, now_);
        ASSERT_EQ(session.state(), row.state);
        take(session.received(Side::ours, row.message, now_));
        EXPECT_EQ(told(Side::ours), (Notification{ErrorCode::state_machine, row.subcode, {row.data}}));
        EXPECT_TRUE(closed(Side::ours));
        EXPECT_EQ(did<Down>() != nullptr, row.state == State::established);
        EXPECT_EQ(session.state(), State::idle);
    }
}

TEST_F(BgpSession, AnswersWhatIsMalformedInEachState) {
    const Refusal refusal{{ErrorCode::header, header_error::kBadType, {9}}, "it sends a message of type 9"};
    for (int steps = 0; steps < 3; ++steps) {
        Session session({.terms = terms()}, 1);
        session.start(now_);
        session.connected(Side::ours, now_);
        if (steps > 0) session.received(Side::ours, their_open(), now_);
        if (steps > 1) session.received(Side::ours, Keepalive{}, now_);
        take(session.refused(Side::ours, refusal, now_));
        EXPECT_EQ(told(Side::ours), refusal.notification);
        EXPECT_TRUE(closed(Side::ours));
        EXPECT_EQ(session.state(), State::idle);
    }
}

TEST_F(BgpSession, LooksAtTheStateBeforeItLooksIntoAMessage) {
    const Refusal open{{ErrorCode::open, open_error::kVersion, {0, 4}}, "it speaks version 3"};
    const Refusal update{{ErrorCode::update, update_error::kNetwork}, "no prefix"};
    const std::array<Notification, 3> of_open{open.notification, open.notification,
                                              Notification{ErrorCode::state_machine, 3, {1}}};
    const std::array<Notification, 3> of_update{Notification{ErrorCode::state_machine, 1, {2}},
                                                Notification{ErrorCode::state_machine, 2, {2}},
                                                update.notification};
    for (const auto& [refusal, answers] : {std::pair(open, of_open), std::pair(update, of_update)})
        for (size_t steps = 0; steps < 3; ++steps) {
            Session session({.terms = terms()}, 1);
            session.start(now_);
            session.connected(Side::ours, now_);
            if (steps > 0) session.received(Side::ours, their_open(), now_);
            if (steps > 1) session.received(Side::ours, Keepalive{}, now_);
            take(session.refused(Side::ours, refusal, now_));
            EXPECT_EQ(told(Side::ours), answers[steps]) << refusal.why << steps;
        }
}

TEST_F(BgpSession, AnswersNoNotification) {
    for (int steps = 0; steps < 3; ++steps) {
        Session session({.terms = terms()}, 1);
        session.start(now_);
        session.connected(Side::ours, now_);
        if (steps > 0) session.received(Side::ours, their_open(), now_);
        if (steps > 1) session.received(Side::ours, Keepalive{}, now_);
        take(session.received(Side::ours, Notification{ErrorCode::open, open_error::kPeerAs}, now_));
        EXPECT_FALSE(did<Send>());
        EXPECT_TRUE(closed(Side::ours));
        EXPECT_EQ(session.state(), State::idle);
        std::string why = did<Down>() ? did<Down>()->why : did<Failed>()->why;
        EXPECT_THAT(why, HasSubstr("it closed the session: OPEN error, bad peer AS; see which AS number"));
    }
}

TEST_F(BgpSession, LetsAPeerThatSaysCeaseComeBackAtOnce) {
    start();
    establish();
    hear(Side::ours, cease_with_text(cease::kShutdown, "maintenance"));
    ASSERT_TRUE(did<Down>());
    EXPECT_EQ(did<Down>()->why, "it closed the session: cease, administrative shutdown: \"maintenance\"");
    EXPECT_EQ(state(), State::active);
    EXPECT_FALSE(session_.admit(now_).refused);
}

TEST_F(BgpPassive, WaitsForThePeer) {
    start();
    EXPECT_FALSE(did<Connect>());
    EXPECT_EQ(state(), State::active);
    EXPECT_FALSE(session_.next());
    EXPECT_FALSE(session_.admit(now_).refused);
    establish(Side::theirs);
    EXPECT_EQ(state(), State::established);
    lose(Side::theirs);
    EXPECT_EQ(state(), State::active);
    EXPECT_FALSE(session_.next());
}

TEST_F(BgpPassive, WaitsAgainAfterAMistake) {
    start();
    connected(Side::theirs);
    hear(Side::theirs, Keepalive{});
    EXPECT_EQ(state(), State::idle);
    wait();
    EXPECT_EQ(state(), State::active);
}

TEST_F(BgpSession, AnswersRouteRefreshForWhatWasAgreedOn) {
    start();
    establish();
    hear(Side::ours, Refresh{Family::v4, 0});
    ASSERT_TRUE(did<Resend>());
    EXPECT_EQ(did<Resend>()->family, Family::v4);
    for (auto none :
         {Refresh{Family::v6, 0}, Refresh{std::nullopt, 0}, Refresh{Family::v4, 1}, Refresh{Family::v4, 9}}) {
        hear(Side::ours, none);
        EXPECT_TRUE(done_.empty());
    }
}

TEST_F(BgpSession, SaysSoWhenItIsStopped) {
    start();
    establish();
    auto bye = cease_with_text(cease::kShutdown, "bye");
    take(session_.stop(bye, now_));
    EXPECT_EQ(told(Side::ours), bye);
    EXPECT_TRUE(closed(Side::ours));
    EXPECT_TRUE(did<Down>());
    EXPECT_EQ(state(), State::idle);
    EXPECT_FALSE(session_.next());
    EXPECT_TRUE(session_.admit(now_).refused);
    start();
    EXPECT_TRUE(did<Connect>()) << "it can be started again";
}

TEST_F(BgpSession, EndsAtOnceWhereThePathIsGoneAndWaitsForIt) {
    start();
    establish();
    take(session_.cut("BFD is down", now_));
    EXPECT_EQ(told(Side::ours), (Notification{ErrorCode::cease, cease::kBfdDown}));
    EXPECT_TRUE(closed(Side::ours));
    ASSERT_TRUE(did<Down>());
    EXPECT_EQ(did<Down>()->why, "BFD is down");
    EXPECT_EQ(state(), State::idle);
    EXPECT_TRUE(session_.admit(now_).refused) << "what gets through now will not last";
    pass(30s);
    EXPECT_FALSE(did<Connect>());
    take(session_.mend(now_));
    EXPECT_TRUE(did<Connect>()) << "at once";
    EXPECT_EQ(state(), State::connect);
}

TEST_F(BgpSession, TriesAgainAfterAMinuteWhereBfdDoesNotComeBack) {
    start();
    establish();
    take(session_.cut("BFD is down", now_));
    EXPECT_EQ(wait(), Session::kMostCut);
    EXPECT_TRUE(did<Connect>()) << "the peer may speak no BFD any more";
    take(session_.mend(now_));
    EXPECT_FALSE(did<Connect>()) << "nothing to mend";
}

TEST_F(BgpSession, LeavesATryThatThePathIsGoneFor) {
    start();
    connected(Side::ours);
    take(session_.cut("BFD is down", now_));
    EXPECT_TRUE(closed(Side::ours));
    EXPECT_TRUE(did<Failed>());
    EXPECT_FALSE(did<Down>());
    EXPECT_EQ(state(), State::idle);
}

TEST_F(BgpSession, NeedsNoMendingUnlessItWasCut) {
    take(session_.cut("BFD is down", now_));
    EXPECT_FALSE(session_.next()) << "nor is it cut before it has begun";
    start();
    establish();
    take(session_.mend(now_));
    EXPECT_EQ(state(), State::established);
    EXPECT_TRUE(done_.empty());
}

TEST_F(BgpPassive, LetsThePeerInAgainOnceThePathIsBack) {
    start();
    connected(Side::theirs);
    take(session_.cut("BFD is down", now_));
    EXPECT_TRUE(session_.admit(now_).refused);
    take(session_.mend(now_));
    EXPECT_FALSE(did<Connect>());
    EXPECT_FALSE(session_.admit(now_).refused);
}

}  // namespace
}  // namespace weir::announce::bgp
