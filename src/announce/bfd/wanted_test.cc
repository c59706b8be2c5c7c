#include "announce/bfd/wanted.h"

#include <gtest/gtest.h>

namespace weir::announce::bfd {
namespace {

using namespace std::chrono_literals;

model::BgpPeer peer(uint32_t asn) {
    return {.address = net::Ip::parse("10.0.0.1").value(), .asn = asn, .bfd = model::Bfd{50ms, 5}};
}

Wanted only_one(const model::BgpPeer& peer) {
    auto all = wanted({.asn = 65000, .peers = {peer}});
    EXPECT_EQ(all.size(), 1u);
    return all.empty() ? Wanted{} : all[0];
}

TEST(BfdWanted, IsWhatPeersHave) {
    auto with = peer(65001), without = peer(65001);
    without.bfd.reset();
    with.source = net::Ip::parse("10.0.0.100").value();
    auto all = wanted({.asn = 65000, .peers = {without, with}});
    ASSERT_EQ(all.size(), 1u);
    EXPECT_EQ(all[0], (Wanted{with.address, with.source, false, 255, {50ms, 5}}));
}

struct Distance {
    const char* what;
    model::BgpPeer peer;
    bool multihop;
    int least_ttl;
};

TEST(BfdWanted, HasOneHopWhereTheSessionHas) {
    auto with = [](uint32_t asn, std::optional<uint8_t> multihop, std::optional<uint8_t> ttl_security,
                   std::optional<bool> bfd = {}) {
        auto out = peer(asn);
        out.multihop = multihop;
        out.ttl_security = ttl_security;
        out.bfd->multihop = bfd;
        return out;
    };
    const Distance all[] = {
        {"another AS", with(65001, {}, {}), false, 255},
        {"another AS, further away", with(65001, 3, {}), true, 0},
        {"another AS, as far as a neighbour", with(65001, 1, {}), false, 255},
        {"another AS, a neighbour by its TTL", with(65001, {}, 1), false, 255},
        {"another AS, near by its TTL", with(65001, {}, 3), true, 253},
        {"the own AS", with(65000, {}, {}), true, 0},
        {"the own AS, a neighbour by its TTL", with(65000, {}, 1), false, 255},
        {"the own AS, said to be a neighbour", with(65000, {}, {}, false), false, 255},
        {"another AS, said to be further away", with(65001, {}, {}, true), true, 0},
    };
    for (const auto& each : all) {
        const auto got = only_one(each.peer);
        EXPECT_EQ(got.multihop, each.multihop) << each.what;
        EXPECT_EQ(got.least_ttl, each.least_ttl) << each.what;
    }
}

TEST(BfdWanted, GoesOnWithOtherTimersOnly) {
    const auto before = only_one(peer(65001));
    auto after = before;
    after.timers = {20ms, 9};
    EXPECT_TRUE(same_path(before, after));
    after.multihop = true;
    EXPECT_FALSE(same_path(before, after));
}

}  // namespace
}  // namespace weir::announce::bfd
