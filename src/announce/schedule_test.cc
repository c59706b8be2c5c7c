#include "announce/schedule.h"

#include <gmock/gmock.h>

namespace weir::announce {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

const Place kEth0{2, {{2, 0, 0, 0, 1, 1}}};
const Place kEth1{3, {{2, 0, 0, 0, 1, 2}}};

net::Ip ip(std::string_view text) {
    return net::Ip::parse(text).value();
}

model::Frontend frontend(std::string_view prefix, bool announced = true, bool healthy = true,
                         uint16_t port = 80) {
    const auto vips = net::Prefix::parse(prefix).value();
    model::Frontend frontend;
    frontend.key.vip = vips.address;
    frontend.key.free_bits = net::free_bits(vips);
    frontend.key.port = net::Port(port);
    frontend.announce_arp = announced;
    frontend.healthy = healthy;
    return frontend;
}

std::vector<std::string> texts(const std::set<Announcement>& announcements) {
    std::vector<std::string> texts;
    for (const auto& [place, vip, vlan] : announcements)
        texts.push_back(fmt::format("{} {}{}", place.interface, vip.text(),
                                    vlan ? fmt::format(" tagged {}", *vlan) : ""));
    return texts;
}

TEST(Announcements, AreOfHealthyVipsThatAskForThemOnEveryInterface) {
    model::Plan plan;
    plan.frontends = {frontend("192.0.2.1/32"), frontend("192.0.2.2/32", false),
                      frontend("192.0.2.3/32", true, false), frontend("2001:db8::1/128")};
    EXPECT_THAT(texts(announcements_of(plan, {kEth0, kEth1})),
                ElementsAre("2 192.0.2.1", "2 2001:db8::1", "3 192.0.2.1", "3 2001:db8::1"));
    EXPECT_THAT(announcements_of(plan, {}), IsEmpty());
}

TEST(Announcements, TakeThatAllServicesOfTheVipAreHealthy) {
    model::Plan plan;
    plan.frontends = {frontend("192.0.2.1/32"), frontend("192.0.2.1/32", false, false, 443)};
    EXPECT_THAT(announcements_of(plan, {kEth0}), IsEmpty());
    plan.frontends.edit(1).healthy = true;
    EXPECT_THAT(texts(announcements_of(plan, {kEth0})), ElementsAre("2 192.0.2.1"));
}

TEST(Announcements, AreOfEachAddressOfAPrefixUnlessALongerOneSaysOtherwise) {
    model::Plan plan;
    plan.frontends = {frontend("192.0.2.254/31"), frontend("192.0.2.252/30"),
                      frontend("192.0.2.255/32", true, false)};
    EXPECT_THAT(texts(announcements_of(plan, {kEth0})),
                ElementsAre("2 192.0.2.252", "2 192.0.2.253", "2 192.0.2.254"));
    plan.frontends = {frontend("2001:db8::ff00/120")};
    EXPECT_EQ(announcements_of(plan, {kEth0}).size(), 256u);
}

TEST(Announcements, GoIntoTheVipsVlan) {
    model::Plan plan;
    plan.frontends = {frontend("192.0.2.1/32"), frontend("198.51.100.1/32")};
    plan.vlans = {{10, {net::Prefix::parse("198.51.100.0/24").value()}}};
    EXPECT_THAT(texts(announcements_of(plan, {kEth0})),
                ElementsAre("2 192.0.2.1", "2 198.51.100.1 tagged 10"));
}

TEST(Announcements, GoIntoTheVlanOfTheKernelsDeviceWhoseNetworkTheVipIsIn) {
    const auto net = [](std::string_view text) { return net::Prefix::parse(text).value(); };
    model::Plan plan;
    plan.frontends = {frontend("192.0.2.1/32"), frontend("192.0.2.129/32"), frontend("203.0.113.1/32")};
    plan.vlans = {{10, {net("192.0.2.0/24"), net("203.0.113.0/24")}}};
    const std::map<int, Networks> networks = {
        {2, {{net("192.0.0.0/16"), std::nullopt}, {net("192.0.2.0/24"), 20}, {net("192.0.2.128/25"), 30}}}};
    EXPECT_THAT(texts(announcements_of(plan, {kEth0, kEth1}, networks)),
                ElementsAre("2 192.0.2.1 tagged 20", "2 192.0.2.129 tagged 30", "2 203.0.113.1 tagged 10",
                            "3 192.0.2.1 tagged 10", "3 192.0.2.129 tagged 10", "3 203.0.113.1 tagged 10"));
}

class ScheduleTest : public testing::Test {
  protected:
    static Announcement of(std::string_view vip) { return {kEth0, ip(vip), {}}; }

    Schedule schedule_;
    const Schedule::Time start_{1h};
};

TEST_F(ScheduleTest, GivesEachTwiceTwoSecondsApart) {
    schedule_.set({of("192.0.2.1")}, start_);
    EXPECT_THAT(schedule_.take(start_), ElementsAre(of("192.0.2.1")));
    EXPECT_EQ(schedule_.next(), start_ + 2s);
    EXPECT_THAT(schedule_.take(start_ + 1999ms), IsEmpty());
    EXPECT_THAT(schedule_.take(start_ + 2s), ElementsAre(of("192.0.2.1")));
    EXPECT_EQ(schedule_.next(), std::nullopt);
}

TEST_F(ScheduleTest, DoesNotRepeatWhatStaysAndForgetsWhatGoes) {
    schedule_.set({of("192.0.2.1"), of("192.0.2.2")}, start_);
    EXPECT_EQ(schedule_.take(start_).size(), 2u);
    schedule_.set({of("192.0.2.2")}, start_ + 1s);
    EXPECT_THAT(schedule_.take(start_ + 2s), ElementsAre(of("192.0.2.2")));
    schedule_.set({of("192.0.2.1"), of("192.0.2.2")}, start_ + 10s);
    EXPECT_THAT(schedule_.take(start_ + 10s), ElementsAre(of("192.0.2.1"))) << "it came back";
}

TEST_F(ScheduleTest, KeepsAPaceWithManyVips) {
    std::set<Announcement> many;
    for (int i = 0; i < 256; ++i) many.insert(of(fmt::format("192.0.2.{}", i)));
    schedule_.set(many, start_);
    std::set<Announcement> given;
    auto now = start_;
    for (; given.size() < many.size(); now = *schedule_.next()) {
        const auto batch = schedule_.take(now);
        ASSERT_LE(batch.size(), Schedule::kBatch);
        given.insert(batch.begin(), batch.end());
    }
    EXPECT_GE(now - start_, 250ms);
    EXPECT_LE(now - start_, 2s + 10ms);
}

}  // namespace
}  // namespace weir::announce
