#include "announce/bfd/session.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>

namespace weir::announce::bfd {
namespace {

using namespace std::chrono_literals;

constexpr Timers kFast{50ms, 3};
constexpr uint32_t kOurs = 11, kTheirs = 22;

/// What the peer says in a state, as one with the same timers.
Packet theirs(State state) {
    return {.state = state,
            .multiplier = 3,
            .mine = kTheirs,
            .yours = kOurs,
            .desired_min_tx = state == State::up ? Interval(50ms) : Interval(1s),
            .required_min_rx = 50ms};
}

/// A session with a clock.
class BfdSession : public testing::Test {
  protected:
    Step hear(const Packet& packet) { return session_.received(packet, now_); }
    Step hear(State state) { return hear(theirs(state)); }
    Step pass(Session::Duration time) {
        now_ += time;
        return session_.tick(now_);
    }
    /// Moves the clock to the next timer.
    Step wait() {
        now_ = session_.next().value();
        return session_.tick(now_);
    }
    void reset(Timers timers) { session_ = Session(timers, kOurs, 1, now_); }
    /// As far as that, however it gets there.
    void bring(State state) {
        if (state >= State::init) hear(State::down);
        if (state == State::up) {
            hear(State::init);
            auto final = theirs(State::up);
            final.final = true;
            hear(final);
        }
        if (state == State::admin_down) session_.disable();
        ASSERT_EQ(session_.state(), state);
    }

    Session::Time now_{1000s};
    Session session_{kFast, kOurs, 1, now_};
};

TEST_F(BfdSession, SpeaksFirstAndSlowly) {
    auto first = wait();
    ASSERT_TRUE(first.send);
    EXPECT_EQ(now_, Session::Time{1000s}) << "at once";
    EXPECT_EQ(*first.send, (Packet{.state = State::down,
                                   .multiplier = 3,
                                   .mine = kOurs,
                                   .yours = 0,
                                   .desired_min_tx = 1s,
                                   .required_min_rx = 50ms}));
    std::set<Session::Duration> waits;
    for (int i = 0; i < 50; ++i) {
        const auto before = now_;
        ASSERT_TRUE(wait().send);
        EXPECT_GE(now_ - before, 750ms);
        EXPECT_LE(now_ - before, 1s);
        waits.insert(now_ - before);
    }
    EXPECT_GT(waits.size(), 40u) << "jitter";
}

TEST_F(BfdSession, IsUpAfterThreePackets) {
    auto init = hear(State::down);
    EXPECT_EQ(init.former, State::down);
    ASSERT_TRUE(init.send) << "a new state is told at once";
    EXPECT_EQ(init.send->state, State::init);
    EXPECT_EQ(init.send->yours, kTheirs);
    auto up = hear(State::init);
    EXPECT_EQ(up.former, State::init);
    ASSERT_TRUE(up.send);
    EXPECT_EQ(up.send->state, State::up);
    EXPECT_EQ(up.send->desired_min_tx, 50ms);
    EXPECT_TRUE(up.send->poll) << "the interval is another one now";
}

struct Transition {
    State ours, theirs, then;
};

TEST_F(BfdSession, FollowsThePeerAsSection686Says) {
    using enum State;
    constexpr Transition kAll[] = {
        {down, admin_down, down},
        {down, down, init},
        {down, init, up},
        {down, up, down},
        {init, admin_down, down},
        {init, down, init},
        {init, init, up},
        {init, up, up},
        {up, admin_down, down},
        {up, down, down},
        {up, init, up},
        {up, up, up},
        {admin_down, down, admin_down},
        {admin_down, init, admin_down},
        {admin_down, up, admin_down},
    };
    for (const auto& each : kAll) {
        reset(kFast);
        bring(each.ours);
        auto step = hear(each.theirs);
        const auto what = fmt::format("{} hears {}", to_text(each.ours), to_text(each.theirs));
        EXPECT_EQ(session_.state(), each.then) << what;
        EXPECT_EQ(step.former.has_value(), each.ours != each.then) << what;
        EXPECT_EQ(step.send.has_value(), each.ours != each.then) << what;
        if (each.then == down && each.ours != down) {
            EXPECT_EQ(session_.diagnostic(), Diagnostic::neighbor_down) << what;
            EXPECT_EQ(step.send->diagnostic, Diagnostic::neighbor_down) << what;
        }
    }
}

TEST_F(BfdSession, EndsWhenNothingComesForTheDetectionTime) {
    for (auto state : {State::init, State::up}) {
        reset(kFast);
        bring(state);
        hear(state == State::up ? State::up : State::down);
        const auto heard = now_;
        EXPECT_EQ(session_.detection_time(), state == State::up ? 150ms : 3s);
        Step step;
        while (session_.state() == state) step = wait();
        EXPECT_EQ(now_ - heard, state == State::up ? 150ms : 3s);
        EXPECT_EQ(session_.state(), State::down);
        EXPECT_EQ(session_.diagnostic(), Diagnostic::detection_time_expired);
        ASSERT_TRUE(step.send) << "told at once";
        EXPECT_EQ(step.former, state);
        EXPECT_EQ(step.send->diagnostic, Diagnostic::detection_time_expired);
        EXPECT_EQ(step.send->yours, 0u) << "section 6.8.1";
        EXPECT_EQ(step.send->desired_min_tx, 1s);
        EXPECT_FALSE(step.send->poll) << "there is nobody to answer";
    }
}

TEST_F(BfdSession, LastsWhilePacketsCome) {
    bring(State::up);
    for (int i = 0; i < 100; ++i) {
        EXPECT_FALSE(pass(149ms).former);
        EXPECT_FALSE(hear(State::up).former);
    }
    EXPECT_EQ(pass(150ms).former, State::up);
}

TEST_F(BfdSession, ForgetsWhoIsSilentThoughItIsDown) {
    hear(State::up);
    EXPECT_EQ(session_.remote_state(), State::up);
    EXPECT_FALSE(pass(3s).former);
    EXPECT_EQ(session_.remote_state(), State::down);
    EXPECT_EQ(session_.receive_interval(), 0ms);
    EXPECT_EQ(pass(1s).send->yours, 0u);
}

TEST_F(BfdSession, GoesByTheSlowerOfBothWishes) {
    bring(State::up);
    EXPECT_EQ(session_.transmit_interval(), 50ms);
    auto slow = theirs(State::up);
    slow.required_min_rx = 300ms;
    slow.desired_min_tx = 20ms;
    slow.multiplier = 5;
    hear(slow);
    EXPECT_EQ(session_.transmit_interval(), 300ms);
    EXPECT_EQ(session_.receive_interval(), 50ms) << "no more often than we want";
    EXPECT_EQ(session_.detection_time(), 250ms) << "their multiplier counts";
    slow.desired_min_tx = 700ms;
    hear(slow);
    EXPECT_EQ(session_.detection_time(), 3500ms);
}

TEST_F(BfdSession, SendsInTimeOnceItIsUp) {
    for (auto [multiplier, least, most] :
         {std::tuple(3, 37500us, 50000us), std::tuple(1, 37500us, 45000us)}) {
        reset({50ms, static_cast<uint8_t>(multiplier)});
        bring(State::up);
        wait();
        for (int i = 0; i < 200; ++i) {
            const auto before = now_;
            hear(State::up);
            ASSERT_TRUE(wait().send);
            EXPECT_GE(now_ - before, least);
            EXPECT_LE(now_ - before, most);
        }
    }
}

TEST_F(BfdSession, HonoursAShorterIntervalAtOnce) {
    auto slow = theirs(State::up);
    slow.required_min_rx = 10s;
    bring(State::up);
    hear(slow);
    wait();
    const auto last = now_;
    slow.desired_min_tx = 20s;
    hear(slow);
    EXPECT_GE(*session_.next() - last, 7500ms);
    now_ += 5s;
    slow.required_min_rx = 50ms;
    hear(slow);
    EXPECT_LE(session_.next(), now_) << "it is overdue by now";
    EXPECT_TRUE(session_.tick(now_).send);
}

TEST_F(BfdSession, IsSilentWhereThePeerWantsNothing) {
    bring(State::up);
    auto mute = theirs(State::up);
    mute.required_min_rx = 0us;
    hear(mute);
    EXPECT_EQ(session_.transmit_interval(), 0us);
    EXPECT_EQ(session_.next(), now_ + 150ms) << "nothing but the detection time";
    mute.poll = true;
    EXPECT_TRUE(hear(mute).send) << "but it answers";
    hear(State::up);
    EXPECT_LE(session_.next(), now_ + 50ms);
}

TEST_F(BfdSession, IsSilentWhereThePeerSpeaksOnDemand) {
    bring(State::up);
    auto demand = theirs(State::up);
    demand.demand = true;
    hear(demand);
    EXPECT_EQ(session_.next(), now_ + 150ms);
    demand.demand = false;
    hear(demand);
    EXPECT_LE(session_.next(), now_ + 50ms);
}

TEST_F(BfdSession, AnswersAPollAtOnceAndOnce) {
    bring(State::up);
    auto poll = theirs(State::up);
    poll.poll = true;
    const auto due = session_.next();
    auto step = hear(poll);
    ASSERT_TRUE(step.send);
    EXPECT_TRUE(step.send->final);
    EXPECT_FALSE(step.send->poll);
    EXPECT_EQ(session_.next(), due) << "beside the timers";
    EXPECT_FALSE(wait().send->final);
}

TEST_F(BfdSession, NeverPollsInItsAnswer) {
    hear(State::down);
    auto poll = theirs(State::init);
    poll.poll = true;
    auto step = hear(poll);
    EXPECT_EQ(step.former, State::init);
    EXPECT_TRUE(step.send->final);
    EXPECT_FALSE(step.send->poll) << "section 6.8.7";
    EXPECT_EQ(step.send->state, State::up);
    EXPECT_TRUE(wait().send->poll) << "but in the next one";
}

TEST_F(BfdSession, PollsUntilItIsAnswered) {
    hear(State::down);
    hear(State::init);
    for (int i = 0; i < 5; ++i) {
        hear(State::up);
        EXPECT_TRUE(wait().send->poll);
    }
    auto final = theirs(State::up);
    final.final = true;
    hear(final);
    EXPECT_FALSE(wait().send->poll);
}

TEST_F(BfdSession, SlowsDownWhenThePeerKnows) {
    bring(State::up);
    session_.change({200ms, 3});
    EXPECT_EQ(session_.transmit_interval(), 50ms) << "the peer still expects it";
    EXPECT_EQ(session_.receive_interval(), 200ms) << "to be more patient needs nobody";
    auto told = wait();
    EXPECT_TRUE(told.send->poll);
    EXPECT_EQ(told.send->desired_min_tx, 200ms);
    EXPECT_EQ(told.send->required_min_rx, 200ms);
    auto final = theirs(State::up);
    final.final = true;
    hear(final);
    EXPECT_EQ(session_.transmit_interval(), 200ms);
}

TEST_F(BfdSession, IsLessPatientWhenThePeerKnows) {
    reset({200ms, 3});
    bring(State::up);
    auto swift = theirs(State::up);
    hear(swift);
    EXPECT_EQ(session_.detection_time(), 600ms);
    session_.change({50ms, 4});
    EXPECT_EQ(session_.transmit_interval(), 50ms) << "to be quicker needs nobody";
    EXPECT_EQ(session_.detection_time(), 600ms) << "the peer may not yet send so often";
    EXPECT_EQ(wait().send->multiplier, 4);
    swift.final = true;
    hear(swift);
    EXPECT_EQ(session_.detection_time(), 150ms);
}

TEST_F(BfdSession, PollsAgainForAChangeWithinAPoll) {
    bring(State::up);
    session_.change({200ms, 3});
    ASSERT_TRUE(wait().send->poll);
    session_.change({400ms, 3});
    auto final = theirs(State::up);
    final.final = true;
    hear(final);
    EXPECT_EQ(session_.transmit_interval(), 50ms) << "that may have been the answer to the first";
    EXPECT_TRUE(wait().send->poll);
    hear(final);
    EXPECT_EQ(session_.transmit_interval(), 400ms);
    EXPECT_FALSE(wait().send->poll);
}

TEST_F(BfdSession, SlowsDownAtOnceWhenItIsDown) {
    bring(State::up);
    auto step = hear(State::down);
    EXPECT_EQ(step.send->desired_min_tx, 1s);
    EXPECT_TRUE(step.send->poll) << "the peer is there to answer";
    EXPECT_GE(*session_.next() - now_, 750ms);
}

TEST_F(BfdSession, NeverSpeaksFasterThanWishedWhileItIsSlow) {
    reset({2s, 3});
    EXPECT_EQ(wait().send->desired_min_tx, 2s);
    bring(State::up);
    EXPECT_EQ(session_.transmit_interval(), 2s);
}

TEST_F(BfdSession, SaysThatItIsSwitchedOff) {
    bring(State::up);
    auto last = session_.disable();
    EXPECT_EQ(last.state, State::admin_down);
    EXPECT_EQ(last.diagnostic, Diagnostic::administratively_down);
    EXPECT_EQ(last.yours, kTheirs);
    EXPECT_FALSE(last.poll);
    EXPECT_FALSE(session_.next()) << "and is silent from then on";
    EXPECT_FALSE(hear(State::down).send);
}

TEST_F(BfdSession, TakesItsOwnPacketsOnly) {
    auto packet = theirs(State::up);
    EXPECT_TRUE(session_.owns(packet));
    packet.yours = kOurs + 1;
    EXPECT_FALSE(session_.owns(packet));
    packet.yours = 0;
    EXPECT_TRUE(session_.owns(packet)) << "the peer does not know it yet";
}

TEST_F(BfdSession, BeginsAnewWithAPeerThatHasRestarted) {
    bring(State::up);
    auto anew = theirs(State::down);
    anew.mine = kTheirs + 1;
    anew.yours = 0;
    EXPECT_EQ(hear(anew).former, State::up);
    EXPECT_EQ(session_.state(), State::down);
    auto step = hear(anew);
    EXPECT_EQ(step.send->state, State::init);
    EXPECT_EQ(step.send->yours, kTheirs + 1);
}

TEST_F(BfdSession, IsParkedWhenThePeerHasAgreed) {
    bring(State::up);
    session_.park(30s);
    EXPECT_FALSE(session_.parked());
    auto asked = wait();
    EXPECT_TRUE(asked.send->poll);
    EXPECT_EQ(asked.send->desired_min_tx, 10s) << "three times that is what the peer waits";
    EXPECT_EQ(asked.send->state, State::up);
    EXPECT_LE(*session_.next() - now_, 50ms) << "as fast as ever until then";
    auto final = theirs(State::up);
    final.final = true;
    hear(final);
    EXPECT_EQ(session_.parked(), (Parked{.mine = kOurs,
                                         .yours = kTheirs,
                                         .desired_min_tx = 10s,
                                         .required_min_rx = 50ms,
                                         .remote_desired_min_tx = 50ms,
                                         .remote_required_min_rx = 50ms,
                                         .remote_multiplier = 3}));
}

TEST_F(BfdSession, IsNotParkedUnlessItIsUp) {
    hear(State::down);
    session_.park(30s);
    EXPECT_FALSE(session_.parked());
    hear(State::init);
    EXPECT_FALSE(session_.parked());
    bring(State::up);
    session_.park(30s);
    hear(State::down);
    EXPECT_FALSE(session_.parked()) << "the path has broken meanwhile";
}

TEST_F(BfdSession, GoesOnWhereAnotherHasParkedIt) {
    Session next(kFast,
                 Parked{.mine = kOurs,
                        .yours = kTheirs,
                        .desired_min_tx = 10s,
                        .required_min_rx = 50ms,
                        .remote_desired_min_tx = 50ms,
                        .remote_required_min_rx = 50ms,
                        .remote_multiplier = 3},
                 2, now_);
    EXPECT_EQ(next.state(), State::up);
    EXPECT_EQ(next.next(), now_);
    auto first = next.tick(now_);
    ASSERT_TRUE(first.send);
    EXPECT_EQ(*first.send, (Packet{.state = State::up,
                                   .poll = true,
                                   .multiplier = 3,
                                   .mine = kOurs,
                                   .yours = kTheirs,
                                   .desired_min_tx = 50ms,
                                   .required_min_rx = 50ms}));
    EXPECT_LE(*next.next() - now_, 50ms) << "as fast as before";
    EXPECT_EQ(next.tick(now_ + 150ms).former, State::up) << "and as little patient";
}

TEST_F(BfdSession, IsAsPatientAsTheFormerOneUntilThePeerKnows) {
    Session next(kFast, Parked{kOurs, kTheirs, 10s, 400ms, 50ms, 50ms, 3}, 2, now_);
    EXPECT_EQ(next.detection_time(), 1200ms) << "the peer sends as it was told";
    auto final = theirs(State::up);
    final.final = true;
    next.received(final, now_);
    EXPECT_EQ(next.detection_time(), 150ms);
}

}  // namespace
}  // namespace weir::announce::bfd
