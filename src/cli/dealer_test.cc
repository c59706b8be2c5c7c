#include "cli/dealer.h"

#include <gmock/gmock.h>

#include <map>

namespace weir::cli {
namespace {

TokenList list(const std::vector<std::pair<int, uint32_t>>& ports_and_weights) {
    TokenList tokens;
    for (auto [port, weight] : ports_and_weights)
        tokens.push_back({{net::Ip::v4({127, 0, 0, 1}), net::Port(static_cast<uint16_t>(port))}, weight});
    return tokens;
}

/// The ports of the next tokens, each a digit.
std::string deal(Dealer& dealer, int count) {
    std::string ports;
    for (int i = 0; i < count; ++i) ports += dealer.next().value_or("none").back();
    return ports;
}

TEST(Dealer, GoesAroundInTheListsOrder) {
    Dealer dealer({});
    dealer.replace(list({{3, 1}, {1, 9}, {2, 1}}));
    EXPECT_EQ(deal(dealer, 7), "3123123");
    EXPECT_EQ(dealer.next(), "127.0.0.1:1");
}

TEST(Dealer, HasNothingWithoutAList) {
    Dealer dealer({}), chance({.by_chance = true});
    EXPECT_EQ(dealer.next(), std::nullopt);
    dealer.replace(list({{1, 1}}));
    EXPECT_EQ(deal(dealer, 2), "11");
    dealer.replace({});
    EXPECT_EQ(dealer.next(), std::nullopt);
    EXPECT_EQ(chance.next(), std::nullopt);
    chance.replace(list({{1, 0}}));
    EXPECT_EQ(chance.next(), std::nullopt);
}

TEST(Dealer, GoesOnWhereItWasWhenTheListIsReplaced) {
    Dealer dealer({});
    dealer.replace(list({{1, 1}, {2, 1}, {3, 1}, {4, 1}}));
    EXPECT_EQ(deal(dealer, 2), "12");
    dealer.replace(list({{1, 1}, {2, 1}, {3, 1}, {4, 1}}));
    EXPECT_EQ(deal(dealer, 4), "3412") << "the same list changes nothing";
    dealer.replace(list({{1, 1}, {4, 1}, {5, 1}}));
    EXPECT_EQ(deal(dealer, 6), "451451") << "who is new comes behind who waits, and before who had its turn";
}

TEST(Dealer, GivesNoneToWeightZero) {
    Dealer dealer({}), weighted({.weighted = true});
    for (auto* each : {&dealer, &weighted}) {
        each->replace(list({{1, 1}, {2, 0}, {3, 1}}));
        EXPECT_EQ(each->size(), 2u);
        EXPECT_EQ(deal(*each, 4), "1313");
    }
}

TEST(Dealer, FollowsWeightsSmoothly) {
    Dealer dealer({.weighted = true});
    dealer.replace(list({{1, 3}, {2, 1}, {3, 2}}));
    auto first = deal(dealer, 6);
    EXPECT_EQ(first, "131231") << "due at 1/6 3/6 5/6, 1/2, 1/4 3/4 of the round";
    EXPECT_EQ(deal(dealer, 6), first);
}

TEST(Dealer, FollowsWeightsExactlyForLong) {
    Dealer dealer({.weighted = true});
    dealer.replace(list({{1, 1000}, {2, 1}, {3, 500}, {4, 77}}));
    std::map<char, int> counts;
    for (char port : deal(dealer, 1578 * 100)) ++counts[port];
    EXPECT_NEAR(counts['1'], 100'000, 1);
    EXPECT_NEAR(counts['2'], 100, 1);
    EXPECT_NEAR(counts['3'], 50'000, 1);
    EXPECT_NEAR(counts['4'], 7'700, 1);
}

TEST(Dealer, FollowsANewWeightFromThenOn) {
    Dealer dealer({.weighted = true});
    dealer.replace(list({{1, 1}, {2, 1}}));
    deal(dealer, 10);
    dealer.replace(list({{1, 9}, {2, 1}}));
    std::map<char, int> counts;
    for (char port : deal(dealer, 1000)) ++counts[port];
    EXPECT_NEAR(counts['1'], 900, 2);
}

TEST(Dealer, DealsByChance) {
    for (bool weighted : {false, true}) {
        Dealer dealer({.by_chance = true, .weighted = weighted, .seed = 7});
        dealer.replace(list({{1, 3}, {2, 1}, {3, 0}}));
        std::map<char, int> counts;
        auto ports = deal(dealer, 40'000);
        for (char port : ports) ++counts[port];
        EXPECT_NEAR(counts['1'], weighted ? 30'000 : 20'000, 600);
        EXPECT_EQ(counts['1'] + counts['2'], 40'000);
        EXPECT_NE(ports.find("11"), ports.npos);
        Dealer other({.by_chance = true, .weighted = weighted, .seed = 8});
        other.replace(list({{1, 3}, {2, 1}}));
        EXPECT_NE(deal(other, 100), ports.substr(0, 100));
    }
}

}  // namespace
}  // namespace weir::cli
