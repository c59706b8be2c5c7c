#include "alert/outbox.h"

#include <gmock/gmock.h>

#include "alert/sample.h"

namespace weir::alert {
namespace {

using namespace std::chrono_literals;

std::string text(const std::optional<Message>& message) {
    return message ? message->text : "nothing";
}

TEST(Outbox, GivesOutEventByEvent) {
    Outbox outbox(60);
    EXPECT_EQ(outbox.next(), std::nullopt);
    outbox.add(down(1));
    outbox.add(down(2));
    EXPECT_LE(outbox.next(), kStart);
    EXPECT_EQ(text(outbox.take(kStart)), "backend 10.0.0.1 is down");
    EXPECT_EQ(text(outbox.take(kStart)), "backend 10.0.0.2 is down");
    EXPECT_EQ(text(outbox.take(kStart)), "nothing");
    EXPECT_EQ(outbox.gathered(), 0u);
}

TEST(Outbox, GathersWhatIsAboveTheRate) {
    Outbox outbox(2);
    for (int i = 1; i <= 2; ++i) {
        outbox.add(down(i));
        EXPECT_EQ(outbox.take(kStart)->events.size(), 1u);
    }
    for (int i = 3; i <= 7; ++i) outbox.add(i == 5 ? event(model::EventKind::plan_failed, "failed") : up(i));
    EXPECT_EQ(text(outbox.take(kStart)), "nothing");
    ASSERT_EQ(outbox.next(), kStart + 30s);
    EXPECT_EQ(text(outbox.take(kStart + 29s)), "nothing");
    auto message = outbox.take(kStart + 30s);
    EXPECT_EQ(text(message), "5 events, the worst: failed");
    EXPECT_EQ(message->severity(), model::Severity::error);
    EXPECT_EQ(message->events.size(), 5u);
    EXPECT_EQ(outbox.gathered(), 5u);
    outbox.add(down(8));
    EXPECT_EQ(text(outbox.take(kStart + 31s)), "nothing");
    EXPECT_EQ(text(outbox.take(kStart + 60s)), "backend 10.0.0.8 is down");
}

TEST(Outbox, GathersWhatComesAtOnceAndIsMoreThanTheRateHas) {
    Outbox outbox(10);
    for (int i = 1; i <= 11; ++i) outbox.add(down(i));
    EXPECT_EQ(text(outbox.take(kStart)), "11 events, the worst: backend 10.0.0.1 is down");
    EXPECT_EQ(outbox.size(), 0u);
}

TEST(Outbox, SavesNoMoreThanAMinutesTokens) {
    Outbox outbox(3);
    outbox.add(down(1));
    EXPECT_TRUE(outbox.take(kStart));
    size_t sent = 0;
    for (int i = 0; i < 10; ++i) {
        outbox.add(down(i));
        sent += outbox.take(kStart + 24h).has_value();
    }
    EXPECT_EQ(sent, 3u);
}

TEST(Outbox, MakesRoomFromTheOldest) {
    Outbox outbox(1);
    for (size_t i = 0; i < Outbox::kMost + 2; ++i)
        outbox.add(event(model::EventKind::started, fmt::format("{}", i)));
    EXPECT_EQ(outbox.size(), Outbox::kMost);
    EXPECT_EQ(outbox.dropped(), 2u);
    EXPECT_EQ(outbox.take_all()->events.front().message, "2");
}

}  // namespace
}  // namespace weir::alert
