#include "alert/settling.h"

#include <gmock/gmock.h>

#include "alert/sample.h"

namespace weir::alert {
namespace {

using namespace std::chrono_literals;
using control::Suppressed;
using model::EventKind, model::Severity;
using testing::ElementsAre;
using testing::IsEmpty;

class SettlingTest : public testing::Test {
  protected:
    SettlingTest() { set({.to = model::Journal{}, .settle = 5s}); }

    void set(model::Alert alert) { settling_.set(alert); }
    void set_events(std::vector<EventKind> events) {
        set({.to = model::Journal{}, .events = std::move(events)});
    }
    void set_severity(Severity severity) { set({.to = model::Journal{}, .severity = severity}); }

    void hear(const Event& event) { settling_.hear(event, now_); }
    /// What is told within the time, moving from one due moment to the next.
    std::vector<std::string> pass(std::chrono::seconds time) {
        auto until = now_ + time;
        std::vector<std::string> told;
        while (settling_.next() && *settling_.next() <= until) {
            now_ = std::max(now_, *settling_.next());
            for (auto& text : texts(settling_.take(now_))) told.push_back(text);
        }
        now_ = until;
        return told;
    }
    uint64_t suppressed(Suppressed reason) const {
        return settling_.suppressed()[static_cast<size_t>(reason)];
    }

    Settling settling_;
    Time now_ = kStart;
};

TEST_F(SettlingTest, TellsAChangeOnceItHasHeld) {
    hear(down());
    EXPECT_THAT(pass(4s), IsEmpty());
    EXPECT_THAT(pass(1s), ElementsAre("backend 10.0.0.1 is down"));
    EXPECT_THAT(pass(1h), IsEmpty());
    EXPECT_EQ(settling_.next(), std::nullopt);
    hear(up());
    EXPECT_THAT(pass(5s), ElementsAre("backend 10.0.0.1 is up"));
}

TEST_F(SettlingTest, DoesNotTellWhatGoesBackBefore) {
    hear(down());
    pass(3s);
    hear(up());
    EXPECT_THAT(pass(1h), IsEmpty());
    EXPECT_EQ(suppressed(Suppressed::settled), 2u);
}

TEST_F(SettlingTest, TellsTheStateThatItComesToRestIn) {
    hear(down());
    pass(3s);
    hear(up());
    pass(3s);
    hear(down());
    EXPECT_THAT(pass(4s), IsEmpty());
    EXPECT_THAT(pass(1s), ElementsAre("backend 10.0.0.1 is down (after 3 changes in 11s)"));
    EXPECT_EQ(suppressed(Suppressed::settled), 2u);
}

TEST_F(SettlingTest, TellsOfManyChangesThoughTheyEndWhereTheyBegan) {
    for (unsigned i = 0; i < Settling::kFlaps / 2; ++i) {
        hear(down());
        pass(1s);
        hear(up());
        pass(1s);
    }
    EXPECT_THAT(pass(5s), ElementsAre("backend 10.0.0.1 is up (after 4 changes in 8s)"));
}

TEST_F(SettlingTest, TellsFlappingOnceAndHowItEnded) {
    std::vector<std::string> told;
    for (int i = 0; i < 100; ++i) {
        hear(i % 2 == 0 ? down() : up());
        for (auto& text : pass(4s)) told.push_back(text);
    }
    EXPECT_THAT(told, ElementsAre("flapping, 15 changes in 60s: backend 10.0.0.1 is down"));
    EXPECT_THAT(pass(5s), ElementsAre("backend 10.0.0.1 is up (after 100 changes in 401s)"));
    EXPECT_EQ(suppressed(Suppressed::settled), 98u);
    hear(down());
    EXPECT_THAT(pass(5s), ElementsAre("backend 10.0.0.1 is down"));
}

TEST_F(SettlingTest, KeepsSubjectsApart) {
    hear(down(1));
    pass(2s);
    hear(up(2));
    hear(down(3));
    EXPECT_THAT(pass(5s), ElementsAre("backend 10.0.0.1 is down", "backend 10.0.0.3 is down"));
}

TEST_F(SettlingTest, DoesNotTellTheSameTwice) {
    hear(down());
    pass(5s);
    hear(down());
    EXPECT_THAT(pass(1h), IsEmpty());
    EXPECT_EQ(suppressed(Suppressed::repeated), 1u);
}

TEST_F(SettlingTest, DoesNotTellTheEndOfWhatNobodyWasToldOf) {
    for (int i = 0; i < 100; ++i) hear(up(i));
    EXPECT_THAT(pass(1h), IsEmpty());
    EXPECT_EQ(suppressed(Suppressed::repeated), 100u);
}

TEST_F(SettlingTest, TellsTheEndOfWhatAnEarlierDaemonTold) {
    settling_.assume(down());
    settling_.assume(up(2));
    hear(down());
    EXPECT_THAT(pass(1h), IsEmpty());
    hear(up());
    hear(up(2));
    EXPECT_THAT(pass(5s), ElementsAre("backend 10.0.0.1 is up"));
}

TEST_F(SettlingTest, TellsAtOnceWhatHasNoOtherState) {
    hear(event(EventKind::override_expired, "cut off"));
    EXPECT_THAT(pass(0s), ElementsAre("cut off"));
}

TEST_F(SettlingTest, TellsAtOnceWithoutASettlingTime) {
    set({.to = model::Journal{}, .settle = 0s});
    hear(down());
    EXPECT_THAT(pass(0s), ElementsAre("backend 10.0.0.1 is down"));
    hear(up());
    EXPECT_THAT(pass(0s), ElementsAre("backend 10.0.0.1 is up"));
}

TEST_F(SettlingTest, TellsOfSomethingBadAndItsEndOnlyUnlessAskedForMore) {
    hear(event(EventKind::started));
    hear(event(EventKind::override_set));
    hear(event(EventKind::plan_applied));
    EXPECT_THAT(pass(1h), IsEmpty());
    hear(event(EventKind::plan_failed, "failed"));
    EXPECT_THAT(pass(5s), ElementsAre("failed"));
    hear(event(EventKind::plan_applied, "applied"));
    EXPECT_THAT(pass(5s), ElementsAre("applied"));
}

TEST_F(SettlingTest, TellsErrorsOnly) {
    set_severity(Severity::error);
    hear(down());
    hear(event(EventKind::plan_failed, "failed"));
    EXPECT_THAT(pass(5s), ElementsAre("failed"));
    hear(up());
    hear(event(EventKind::plan_applied, "applied"));
    EXPECT_THAT(pass(5s), ElementsAre("applied"));
}

TEST_F(SettlingTest, TellsEverythingThatIsNews) {
    set_severity(Severity::info);
    hear(event(EventKind::started, "started"));
    hear(event(EventKind::plan_applied, "applied"));
    hear(event(EventKind::plan_applied, "applied again"));
    hear(up());
    EXPECT_THAT(pass(5s), ElementsAre("started", "applied", "applied again"));
}

TEST_F(SettlingTest, TellsTheKindsThatAreAskedForOnly) {
    set_events({EventKind::reload_accepted, EventKind::backend_down});
    hear(event(EventKind::reload_refused, "refused"));
    hear(event(EventKind::plan_applied, "applied"));
    hear(down());
    EXPECT_THAT(pass(5s), ElementsAre("backend 10.0.0.1 is down"));
    hear(up());
    hear(event(EventKind::reload_accepted, "accepted"));
    EXPECT_THAT(pass(5s), ElementsAre("accepted"));
    hear(event(EventKind::reload_accepted, "accepted again"));
    EXPECT_THAT(pass(0s), ElementsAre("accepted again"));
}

TEST_F(SettlingTest, ForgetsWhatIsGone) {
    hear(down(1));
    hear(down(2));
    pass(5s);
    hear(up(1));
    settling_.keep_only([](const Subject& subject) { return subject.backend != down(1).backend; });
    EXPECT_THAT(pass(1h), IsEmpty());
    hear(up(1));
    hear(up(2));
    EXPECT_THAT(pass(5s), ElementsAre("backend 10.0.0.2 is up"));
}

TEST_F(SettlingTest, TellsWhatIsUnderWayAtTheEnd) {
    hear(down(1));
    hear(down(2));
    hear(up(2));
    EXPECT_THAT(texts(settling_.take_all(now_)), ElementsAre("backend 10.0.0.1 is down"));
    EXPECT_EQ(settling_.next(), std::nullopt);
}

}  // namespace
}  // namespace weir::alert
