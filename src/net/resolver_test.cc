// What the resolver makes of the kernel's messages; its questions to the kernel are in tests/e2e.
#include "net/resolver.h"

#include <gmock/gmock.h>

namespace weir::net {
namespace {

using namespace std::chrono_literals;

const Resolver::Time kStart{1h};
const NextHop kHop{7, Ip::v4({10, 0, 0, 2})};
const Mac kMac{{2, 0, 0, 0, 0, 2}};
const NeighbourMessage kAnswers{.interface = 7, .address = kHop.address, .mac = kMac};
const NeighbourMessage kFails{.interface = 7, .address = kHop.address, .failed = true};
const NeighbourMessage kGone{.interface = 7, .address = kHop.address, .gone = true};

class ResolverTest : public testing::Test {
  protected:
    std::optional<Mac> known() const {
        auto answer = resolver_.find(kHop);
        return answer && *answer ? std::optional(**answer) : std::nullopt;
    }

    Netlink requests_ = Netlink::open().value();
    Links links_;
    Resolver resolver_{requests_, links_, 100ms, 500};
};

TEST_F(ResolverTest, KnowsTheMacThatTheKernelTells) {
    EXPECT_FALSE(resolver_.take(kAnswers, kStart)) << "nobody wants it";
    resolver_.add(kHop, kStart);
    EXPECT_EQ(known(), std::nullopt);
    EXPECT_TRUE(resolver_.take(kAnswers, kStart));
    EXPECT_EQ(known(), kMac);
    EXPECT_FALSE(resolver_.take(kAnswers, kStart)) << "nothing new";
    auto elsewhere = kAnswers;
    elsewhere.interface = 8;
    elsewhere.mac = Mac{{2, 0, 0, 0, 0, 3}};
    EXPECT_FALSE(resolver_.take(elsewhere, kStart));
}

TEST_F(ResolverTest, KeepsANextHopAsLongAsSomebodyNeedsIt) {
    resolver_.add(kHop, kStart);
    resolver_.add(kHop, kStart);
    resolver_.take(kAnswers, kStart);
    resolver_.remove(kHop);
    EXPECT_EQ(known(), kMac);
    EXPECT_EQ(resolver_.next(), kStart);
    resolver_.remove(kHop);
    EXPECT_EQ(known(), std::nullopt);
    EXPECT_EQ(resolver_.next(), std::nullopt);
}

TEST_F(ResolverTest, AsksOnceForAllThatNeedTheSame) {
    resolver_.add(kHop, kStart + 1s);
    resolver_.add(kHop, kStart);
    EXPECT_EQ(resolver_.next(), kStart + 1s) << "the second adds no question";
}

TEST_F(ResolverTest, BelievesAFailureOnlyWhenItLooksAgain) {
    resolver_.add(kHop, kStart + 10s);
    resolver_.take(kAnswers, kStart);
    EXPECT_FALSE(resolver_.take(kFails, kStart));
    EXPECT_EQ(known(), kMac);
    EXPECT_EQ(resolver_.next(), kStart + 100ms);
}

TEST_F(ResolverTest, KeepsAMacThatTheKernelForgets) {
    resolver_.add(kHop, kStart + 10s);
    resolver_.take(kAnswers, kStart);
    EXPECT_FALSE(resolver_.take(kGone, kStart));
    EXPECT_EQ(known(), kMac);
    EXPECT_LT(resolver_.next(), kStart + 2s) << "it looks soon";
}

}  // namespace
}  // namespace weir::net
