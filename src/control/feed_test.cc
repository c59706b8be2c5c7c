#include "control/feed.h"

#include <gmock/gmock.h>

namespace weir::control {
namespace {

using namespace std::chrono_literals;
using discovery::Found;
using testing::ElementsAre, testing::HasSubstr, testing::IsEmpty;

net::Ip ip(int last) {
    return net::Ip::v4({10, 0, 0, static_cast<uint8_t>(last)});
}

discovery::Set set_of(std::initializer_list<int> hosts) {
    discovery::Set set;
    for (int host : hosts) set.members.push_back({ip(host)});
    return set;
}

std::vector<int> hosts_of(const Feed& feed) {
    std::vector<int> hosts;
    for (const auto& [address, found] : feed.members()) hosts.push_back(address.bytes()[3]);
    return hosts;
}

class FeedTest : public testing::Test {
  protected:
    bool offer(std::initializer_list<int> hosts) { return feed.offer(set_of(hosts), now); }

    Clock::Time now{1000s};
    Feed feed{{{1, false}, 5s}};
};

TEST_F(FeedTest, TakesEachSetInPlaceOfTheOneBefore) {
    EXPECT_TRUE(offer({1, 2}));
    EXPECT_TRUE(offer({2, 3}));
    EXPECT_THAT(hosts_of(feed), ElementsAre(2, 3));
    EXPECT_FALSE(offer({3, 2}));
}

TEST_F(FeedTest, DoesNotTakeWhatIsFewerThanTheMinimum) {
    offer({1, 2, 3, 4});
    EXPECT_FALSE(offer({}));
    EXPECT_THAT(hosts_of(feed), ElementsAre(1, 2, 3, 4));
    EXPECT_THAT(feed.held_back(), HasSubstr("0 backends left of 4, fewer than 'minimum' (1)"));
    EXPECT_TRUE(offer({1}));
    EXPECT_EQ(feed.held_back(), "");
}

TEST_F(FeedTest, CountsAPercentageOfThoseThatAreThere) {
    feed.set({{50, true}, 0s}, now);
    offer({1, 2, 3, 4, 5});
    EXPECT_FALSE(offer({1, 2}));
    EXPECT_TRUE(offer({1, 2, 3}));
    EXPECT_TRUE(offer({1, 2}));
    EXPECT_FALSE(offer({}));
}

TEST_F(FeedTest, FollowsTheLastSetOnceTheMinimumAllowsIt) {
    offer({1, 2, 3});
    offer({});
    EXPECT_TRUE(feed.set({{0, false}, 0s}, now));
    EXPECT_THAT(feed.members(), IsEmpty());
    EXPECT_EQ(feed.held_back(), "");
}

TEST_F(FeedTest, MayBeginWithFewer) {
    feed.set({{3, false}, 0s}, now);
    EXPECT_TRUE(offer({1}));
    EXPECT_TRUE(offer({1, 2}));
    EXPECT_FALSE(offer({2}));  // there are two now
}

TEST_F(FeedTest, LetsABackendGoAtOnceTheFirstTime) {
    offer({1, 2});
    offer({1});
    EXPECT_THAT(hosts_of(feed), ElementsAre(1));
    EXPECT_FALSE(feed.due());
}

TEST_F(FeedTest, KeepsABackendThatGoesAgainAndEachTimeTwiceAsLong) {
    offer({1, 2});
    offer({1});
    for (auto patience : {5s, 10s, 20s, 40s, 80s, 160s, 160s}) {
        offer({1, 2});
        EXPECT_FALSE(offer({1}));
        EXPECT_THAT(hosts_of(feed), ElementsAre(1, 2));
        EXPECT_EQ(feed.damped(), 1u);
        ASSERT_EQ(feed.due(), now + patience);
        now += patience - 1ms;
        EXPECT_FALSE(feed.expire(now));
        now += 1ms;
        EXPECT_TRUE(feed.expire(now));
        EXPECT_THAT(hosts_of(feed), ElementsAre(1));
        EXPECT_FALSE(feed.due());
    }
}

TEST_F(FeedTest, ForgetsAfterTenMinutesThatOneHasGone) {
    offer({1, 2});
    offer({1});
    offer({1, 2});
    now += 10min + 1ms;
    EXPECT_TRUE(offer({1}));
    EXPECT_THAT(hosts_of(feed), ElementsAre(1));
}

TEST_F(FeedTest, LetsOneThatComesBackStay) {
    offer({1, 2});
    offer({1});
    offer({1, 2});
    offer({1});
    EXPECT_EQ(feed.damped(), 1u);
    EXPECT_FALSE(offer({1, 2}));
    EXPECT_EQ(feed.damped(), 0u);
    EXPECT_FALSE(feed.due());
}

TEST_F(FeedTest, HasEachAddressOnceWhateverTheOrder) {
    discovery::Set set{{{ip(1), net::Port(81)}, {ip(1), net::Port(80), 2}, {ip(1), net::Port(80), 7}}};
    feed.offer(set, now);
    const Found expected{ip(1), net::Port(80), 7};
    EXPECT_EQ(feed.members().at(ip(1)), expected);
    EXPECT_EQ(feed.duplicates(), 2u);
    std::ranges::reverse(set.members);
    EXPECT_FALSE(feed.offer(set, now));
    EXPECT_EQ(feed.members().at(ip(1)), expected);
}

TEST_F(FeedTest, DoesNotCountTheSameTwiceAsADuplicate) {
    feed.offer({{{ip(1)}, {ip(1)}}}, now);
    EXPECT_EQ(feed.duplicates(), 0u);
}

TEST_F(FeedTest, GoesOnWithWhatThereWas) {
    feed.recall({{ip(1), {ip(1)}}, {ip(2), {ip(2)}}}, false);
    EXPECT_THAT(hosts_of(feed), ElementsAre(1, 2));
    EXPECT_FALSE(offer({}));
    EXPECT_FALSE(offer({1, 2}));
}

TEST_F(FeedTest, MayHaveFewerThanAnotherSourceHad) {
    feed.set({{50, true}, 0s}, now);
    feed.recall({{ip(1), {ip(1)}}, {ip(2), {ip(2)}}, {ip(3), {ip(3)}}}, true);
    EXPECT_FALSE(offer({}));
    EXPECT_TRUE(offer({9}));
    EXPECT_THAT(hosts_of(feed), ElementsAre(9));
}

}  // namespace
}  // namespace weir::control
