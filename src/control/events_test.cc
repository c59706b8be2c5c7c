#include "control/events.h"

#include <gmock/gmock.h>

#include "control/sample.h"

namespace weir::control {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

const Events::Time kStart{1000s};

std::vector<std::string> messages(const std::vector<Event>& events) {
    std::vector<std::string> texts;
    for (const auto& event : events) texts.push_back(event.message);
    return texts;
}

TEST(Events, AreNumberedOnFromTheMillisecondOfTheStart) {
    Events events(kStart);
    EXPECT_EQ(events.last_id(), 1'000'000u);
    events.add({EventKind::started, "a"}, kStart + 1s);
    EXPECT_EQ(events.last_id(), 1'000'001u);
    EXPECT_EQ(events.after(0, 10),
              (std::vector<Event>{{EventKind::started, "a", "", {}, {}, 1'000'001, kStart + 1s}}));
}

TEST(Events, AreForgottenFromTheOldestAndTheGapIsSeen) {
    Events events(kStart, 3);
    auto first = events.last_id();
    for (auto text : {"a", "b", "c"}) events.add({EventKind::started, text}, kStart);
    EXPECT_FALSE(events.has_gap_after(first));
    events.add({EventKind::started, "d"}, kStart);
    EXPECT_TRUE(events.has_gap_after(first));
    EXPECT_FALSE(events.has_gap_after(first + 1));
    EXPECT_FALSE(events.has_gap_after(events.last_id()));
    EXPECT_THAT(messages(events.after(first, 10)), ElementsAre("b", "c", "d"));
    EXPECT_THAT(messages(events.after(first + 2, 1)), ElementsAre("c"));
    EXPECT_THAT(events.after(events.last_id(), 10), IsEmpty());
    EXPECT_TRUE(events.has_gap_after(events.last_id() + 1));
    EXPECT_THAT(messages(events.after(events.last_id() + 1, 10)), ElementsAre("b", "c", "d"));
    EXPECT_EQ(events.totals()[static_cast<size_t>(EventKind::started)], 4u);
}

TEST(Events, HaveSoManySeatsAndNoMore) {
    Events events(kStart);
    std::vector<std::shared_ptr<void>> taken;
    for (long i = 0; i < Events::kSeats; ++i) taken.push_back(events.seat());
    EXPECT_TRUE(taken.back());
    EXPECT_FALSE(events.seat());
    taken.pop_back();
    EXPECT_TRUE(events.seat());
}

TEST(Changes, TellOfBackendsAndServicesThatWentDown) {
    auto config = sample_config();
    config.services["web"].need = 3;
    auto before = model::plan(config, {});
    auto after = model::plan(config, {{sample_target(2), {false, "L4CON"}}});
    auto found = changes(before, after);
    EXPECT_THAT(messages(found),
                ElementsAre("backend 10.0.0.2 of 192.0.2.1:80/tcp is down: L4CON",
                            "service web at 192.0.2.1:80/tcp is down: 2 of 3 backends take new flows"));
    EXPECT_EQ(found[0].kind, EventKind::backend_down);
    EXPECT_EQ(found[0].backend, ip("10.0.0.2"));
    EXPECT_EQ(found[0].frontend, kSampleV4);
    EXPECT_EQ(found[1].kind, EventKind::service_unhealthy);
    EXPECT_EQ(found[1].service, "web");
    auto back = changes(after, before);
    ASSERT_EQ(back.size(), 2u);
    EXPECT_EQ(back[0].kind, EventKind::backend_up);
    EXPECT_EQ(back[1].kind, EventKind::service_healthy);
}

TEST(Standing, IsWhatIsDownAndWasKnown) {
    auto config = sample_config();
    config.services["web"].need = 2;
    model::HealthMap known{{sample_target(1), {false, "L4CON"}},
                           {sample_target(2), {false, "L4TOUT"}},
                           {sample_target(3), {true, "L4OK"}}};
    auto health = known;
    health[{kSampleV6, ip("10.0.0.1")}] = {false, "not checked yet"};
    EXPECT_THAT(messages(standing(model::plan(config, health), known)),
                ElementsAre("backend 10.0.0.1 of 192.0.2.1:80/tcp is down: L4CON",
                            "backend 10.0.0.2 of 192.0.2.1:80/tcp is down: L4TOUT",
                            "service web at 192.0.2.1:80/tcp is down: 1 of 3 backends take new flows"));
    EXPECT_THAT(standing(model::plan(config, health), {}), IsEmpty());
}

TEST(Changes, LeaveOutWhatIsNewGoneOrTheSame) {
    auto before = model::plan(sample_config(), {});
    EXPECT_THAT(changes(before, before), IsEmpty());
    EXPECT_THAT(changes({}, before), IsEmpty());
    EXPECT_THAT(changes(before, {}), IsEmpty());
    auto config = sample_config();
    config.pools["web"].backends.insert(config.pools["web"].backends.begin(), {ip("10.0.0.9")});
    auto more = model::plan(config, {{{kSampleV4, ip("10.0.0.9")}, {false, "not checked yet"}}});
    EXPECT_THAT(changes(before, more), IsEmpty()) << "the others have moved in the list only";
}

}  // namespace
}  // namespace weir::control
