#include "engine/xdp/claims.h"

#include <gtest/gtest.h>

namespace weir::engine::xdp {
namespace {

using namespace std::chrono_literals;

const net::Ip kVip = net::Ip::v4({192, 0, 2, 1});
const net::Mac kMac{{2, 0, 0, 0, 0, 1}};
const net::Mac kOther{{2, 0, 0, 0, 0, 2}};
const Claims::Time kNow{};

model::Plan plan(bool announced) {
    model::Frontend frontend;
    frontend.key.vip = net::Ip::v4({192, 0, 2, 0});
    frontend.key.free_bits = 8;
    frontend.announce_arp = frontend.healthy = announced;
    model::Plan plan;
    plan.frontends = {frontend};
    return plan;
}

TEST(Claims, AreNewOnceForEachVipAndMac) {
    Claims claims;
    EXPECT_TRUE(claims.note(kVip, kMac, "eth0", kNow));
    EXPECT_FALSE(claims.note(kVip, kMac, "eth0", kNow + 1s));
    EXPECT_TRUE(claims.note(kVip, kOther, "eth0", kNow + 2s));
    EXPECT_FALSE(claims.note(kVip, kMac, "eth1", kNow + 3s));
    EXPECT_EQ(claims.of(plan(true), kNow + 3s),
              (std::vector<Claim>{{kVip, kMac, "eth1", kNow + 3s}, {kVip, kOther, "eth0", kNow + 2s}}));
}

TEST(Claims, AreForgottenAfterAWhile) {
    Claims claims;
    claims.note(kVip, kMac, "eth0", kNow);
    EXPECT_EQ(claims.of(plan(true), kNow + 9min).size(), 1u);
    EXPECT_EQ(claims.of(plan(true), kNow + 10min).size(), 0u);
    EXPECT_TRUE(claims.note(kVip, kMac, "eth0", kNow + 10min));
}

TEST(Claims, CountForVipsThatAreAnnounced) {
    Claims claims;
    claims.note(kVip, kMac, "eth0", kNow);
    EXPECT_EQ(claims.of(plan(true), kNow).size(), 1u);
    EXPECT_EQ(claims.of(plan(false), kNow).size(), 0u);
    EXPECT_EQ(claims.of({}, kNow).size(), 0u);
}

TEST(Claims, DoNotFillTheMemory) {
    Claims claims;
    size_t news = 0;
    for (uint8_t i = 0; i < 4; ++i)
        for (unsigned j = 0; j < 256; ++j)
            news += claims.note(kVip, {{2, 0, 0, 0, i, static_cast<uint8_t>(j)}}, "eth0", kNow);
    EXPECT_EQ(news, Claims::kMost);
    EXPECT_EQ(claims.of(plan(true), kNow).size(), Claims::kMost);
}

}  // namespace
}  // namespace weir::engine::xdp
