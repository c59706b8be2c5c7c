#include "net/agenda.h"

#include <gmock/gmock.h>

#include "net/ip.h"

namespace weir::net {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

const Agenda<Ip>::Time kStart{1h};
Ip ip(uint8_t last) {
    return Ip::v4({10, 0, 0, last});
}

TEST(Agenda, GivesWhatIsDueTheLongestDueFirst) {
    Agenda<Ip> agenda(100ms, 10, 1);
    EXPECT_EQ(agenda.next(), std::nullopt);
    agenda.put(ip(1), kStart + 2s);
    agenda.put(ip(2), kStart + 1s);
    agenda.put(ip(3), kStart + 3s);
    EXPECT_EQ(agenda.next(), kStart + 1s);
    EXPECT_THAT(agenda.take(kStart), IsEmpty());
    EXPECT_THAT(agenda.take(kStart + 2s), ElementsAre(ip(2), ip(1)));
    EXPECT_EQ(agenda.next(), kStart + 3s);
}

TEST(Agenda, KeepsThePace) {
    Agenda<Ip> agenda(100ms, 2, 1);
    for (uint8_t i = 1; i <= 5; i++) agenda.put(ip(i), kStart);
    EXPECT_EQ(agenda.next(), kStart);
    EXPECT_THAT(agenda.take(kStart), ElementsAre(ip(1), ip(2)));
    EXPECT_TRUE(agenda.behind(kStart));
    EXPECT_EQ(agenda.next(), kStart + 100ms);
    EXPECT_THAT(agenda.take(kStart + 99ms), IsEmpty());
    EXPECT_THAT(agenda.take(kStart + 100ms), ElementsAre(ip(3), ip(4)));
    EXPECT_THAT(agenda.take(kStart + 10s), ElementsAre(ip(5)));
    EXPECT_FALSE(agenda.behind(kStart + 10s));
    EXPECT_EQ(agenda.next(), std::nullopt);
}

TEST(Agenda, HastensButNeverDelays) {
    Agenda<Ip> agenda(100ms, 10, 1);
    agenda.put(ip(1), kStart + 5s);
    agenda.hasten(ip(1), kStart + 6s);
    EXPECT_EQ(agenda.next(), kStart + 5s);
    agenda.hasten(ip(1), kStart + 4s);
    EXPECT_EQ(agenda.next(), kStart + 4s);
    agenda.put(ip(1), kStart + 7s);
    EXPECT_EQ(agenda.next(), kStart + 7s);
    agenda.hasten(ip(2), kStart + 8s);
    EXPECT_THAT(agenda.take(kStart + 9s), ElementsAre(ip(1), ip(2)));
}

TEST(Agenda, LetsNobodyStarveWhileEverythingIsHastenedAgainAndAgain) {
    Agenda<Ip> agenda(100ms, 2, 1);
    std::set<Ip> seen;
    auto now = kStart;
    for (int round = 0; round < 3; round++, now += 100ms) {
        for (uint8_t i = 1; i <= 6; i++) agenda.hasten(ip(i), now);
        for (const auto& one : agenda.take(now)) {
            seen.insert(one);
            agenda.put(one, now + 10s);
        }
    }
    EXPECT_EQ(seen.size(), 6u);
}

TEST(Agenda, ForgetsWhatIsRemoved) {
    Agenda<Ip> agenda(100ms, 10, 1);
    agenda.put(ip(1), kStart);
    agenda.put(ip(2), kStart);
    agenda.remove(ip(1));
    agenda.remove(ip(9));
    EXPECT_THAT(agenda.take(kStart), ElementsAre(ip(2)));
}

TEST(Agenda, SpreadsTimesByAFifth) {
    Agenda<Ip> agenda(100ms, 10, 1);
    auto low = kStart + 20s;
    auto high = kStart;
    for (int i = 0; i < 1000; i++) {
        auto time = agenda.about(kStart, 10s);
        low = std::min(low, time);
        high = std::max(high, time);
    }
    EXPECT_GE(low, kStart + 8s);
    EXPECT_LT(low, kStart + 8100ms);
    EXPECT_LE(high, kStart + 12s);
    EXPECT_GT(high, kStart + 11900ms);
}

}  // namespace
}  // namespace weir::net
