#include "alert/post.h"

#include <gmock/gmock.h>

#include "alert/sample.h"

namespace weir::alert {
namespace {

using namespace std::chrono_literals;
using control::Suppressed;

const model::Alert kAlert{.to = model::Journal{}, .settle = 0s};

class PostTest : public testing::Test {
  protected:
    std::string next() {
        auto message = post_.next(now_);
        return message ? message->text : "nothing";
    }
    void fails(std::string why = "HTTP 503", std::optional<std::chrono::seconds> wait = {}) {
        post_.take({std::move(why), true, wait}, now_);
    }
    /// Until the next try of what has failed.
    std::chrono::milliseconds pause() {
        return std::chrono::ceil<std::chrono::milliseconds>(post_.wake_at().value() - now_);
    }

    double chance_ = 1;
    Post post_{kAlert, [this] { return chance_; }};
    Time now_ = kStart;
};

TEST_F(PostTest, GivesOutOneMessageAtATime) {
    post_.hear(down(1), now_);
    post_.hear(down(2), now_);
    EXPECT_EQ(next(), "backend 10.0.0.1 is down");
    EXPECT_EQ(next(), "nothing");
    EXPECT_EQ(post_.wake_at(), std::nullopt);
    EXPECT_EQ(post_.row().waiting, 2u);
    post_.take({}, now_);
    EXPECT_EQ(next(), "backend 10.0.0.2 is down");
    post_.take({}, now_);
    EXPECT_EQ(post_.row().sent_total, 2u);
    EXPECT_TRUE(post_.is_empty());
}

TEST_F(PostTest, TriesAgainAndEverMoreRarely) {
    post_.hear(down(), now_);
    next();
    std::vector<std::chrono::milliseconds> pauses;
    for (int i = 0; i < 10; ++i) {
        fails();
        EXPECT_EQ(next(), "nothing");
        pauses.push_back(pause());
        now_ += pauses.back();
        EXPECT_EQ(next(), "backend 10.0.0.1 is down");
    }
    EXPECT_THAT(pauses, testing::ElementsAre(1s, 2s, 4s, 8s, 16s, 32s, 64s, 128s, 256s, 300s));
    EXPECT_EQ(post_.failing_since(), kStart);
    EXPECT_EQ(post_.row().error, "HTTP 503");
    post_.take({}, now_);
    EXPECT_EQ(post_.failing_since(), std::nullopt);
    EXPECT_EQ(post_.row().error, "");
    EXPECT_EQ(post_.row().failed_total, 0u);
    post_.hear(up(), now_);
    next();
    fails();
    EXPECT_EQ(pause(), 1s);
}

TEST_F(PostTest, LetsChanceSpreadTheTries) {
    chance_ = 0;
    post_.hear(down(), now_);
    next();
    fails();
    EXPECT_EQ(pause(), 500ms);
}

TEST_F(PostTest, LeavesAReceiverAloneAsLongAsItWants) {
    post_.hear(down(), now_);
    next();
    fails("HTTP 429", 120s);
    EXPECT_EQ(pause(), 120s);
    now_ += 120s;
    EXPECT_EQ(next(), "backend 10.0.0.1 is down");
    fails("HTTP 429", 0s);
    EXPECT_EQ(pause(), 2s);
    now_ += 2s;
    next();
    fails("HTTP 429", std::chrono::hours(24 * 365));
    EXPECT_EQ(pause(), 1h);
}

TEST_F(PostTest, GivesUpWhatNoTryWillHelpAndGoesOn) {
    post_.hear(down(1), now_);
    post_.hear(down(2), now_);
    next();
    post_.take({"HTTP 404", false}, now_);
    EXPECT_EQ(post_.row().failed_total, 1u);
    EXPECT_EQ(post_.failing_since(), now_);
    EXPECT_EQ(next(), "backend 10.0.0.2 is down");
    post_.take({}, now_);
    EXPECT_EQ(post_.failing_since(), std::nullopt);
}

TEST_F(PostTest, GivesUpWhatIsAnHourOld) {
    post_.hear(down(), now_);
    next();
    fails();
    now_ += 59min;
    next();
    fails();
    EXPECT_EQ(post_.row().failed_total, 0u);
    now_ += 1min;
    next();
    fails();
    EXPECT_EQ(post_.row().failed_total, 1u);
    EXPECT_TRUE(post_.is_empty());
}

TEST_F(PostTest, SettlesMeanwhile) {
    post_.set({.to = model::Journal{}, .settle = 5s});
    post_.hear(event(model::EventKind::override_expired), now_);
    EXPECT_EQ(next(), "it happened");
    post_.hear(down(), now_);
    EXPECT_EQ(post_.wake_at(), now_ + 5s);
    now_ += 1min;
    post_.hear(up(), now_);  // which is no flapping: it was down for a minute
    now_ += 1min;
    post_.take({}, now_);
    EXPECT_EQ(next(), "backend 10.0.0.1 is down");
    post_.take({}, now_);
    EXPECT_EQ(next(), "backend 10.0.0.1 is up");
}

TEST_F(PostTest, DeliversAgainWhatWasInterrupted) {
    post_.hear(down(), now_);
    next();
    post_.interrupt();
    EXPECT_EQ(next(), "backend 10.0.0.1 is down");
}

TEST_F(PostTest, TriesAtOnceWithNewSettings) {
    post_.hear(down(), now_);
    next();
    fails();
    post_.set(kAlert);
    EXPECT_EQ(post_.failing_since(), std::nullopt);
    EXPECT_EQ(next(), "backend 10.0.0.1 is down");
}

TEST_F(PostTest, TriesEverythingOnceAtTheEnd) {
    post_.set({.to = model::Journal{}, .settle = 1h, .rate = 1});
    post_.hear(event(model::EventKind::override_expired), now_);
    next();
    fails();
    for (int i = 1; i <= 3; ++i) post_.hear(down(i), now_);
    post_.finish(now_);
    EXPECT_EQ(next(), "it happened");
    fails();
    EXPECT_EQ(next(), "3 events, the worst: backend 10.0.0.1 is down");
    EXPECT_FALSE(post_.is_empty());
    fails();
    EXPECT_EQ(next(), "nothing");
    EXPECT_TRUE(post_.is_empty());
    EXPECT_EQ(post_.row().failed_total, 0u);
    EXPECT_THAT(texts(post_.unsent()),
                testing::ElementsAre("it happened", "backend 10.0.0.1 is down", "backend 10.0.0.2 is down",
                                     "backend 10.0.0.3 is down"));
}

TEST_F(PostTest, TellsWhatAFormerDaemonHasLeft) {
    post_.recall({down(1), down(2)});
    EXPECT_EQ(next(), "backend 10.0.0.1 is down");
    EXPECT_THAT(texts(post_.unsent()),
                testing::ElementsAre("backend 10.0.0.1 is down", "backend 10.0.0.2 is down"))
        << "it is not known yet whether the first has arrived";
    post_.take({}, now_);
    EXPECT_THAT(texts(post_.unsent()), testing::ElementsAre("backend 10.0.0.2 is down"));
}

TEST_F(PostTest, CountsWhatIsSuppressedByReason) {
    post_.set({.to = model::Journal{}, .settle = 0s, .rate = 1});
    auto count = [this](Suppressed reason) {
        return post_.row().suppressed_total[static_cast<size_t>(reason)];
    };
    for (int i = 1; i <= 3; ++i) post_.hear(down(i), now_);
    post_.hear(down(1), now_);
    next();
    EXPECT_EQ(count(Suppressed::repeated), 1u);
    EXPECT_EQ(count(Suppressed::gathered), 3u);
    EXPECT_EQ(count(Suppressed::dropped), 0u);
}

}  // namespace
}  // namespace weir::alert
