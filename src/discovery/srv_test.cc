#include "discovery/srv.h"

#include <gmock/gmock.h>

namespace weir::discovery {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

net::Ip ip(std::string_view text) {
    return *net::Ip::parse(text);
}

/// Targets a, b, … with an address each and these weights, all of one priority.
std::vector<uint32_t> weights(const std::vector<uint16_t>& weights) {
    std::vector<Srv> records;
    std::map<std::string, std::vector<net::Ip>> addresses;
    for (size_t i = 0; i < weights.size(); i++) {
        std::string target(1, static_cast<char>('a' + i));
        records.push_back({.weight = weights[i], .port = 80, .target = target});
        addresses[target] = {ip(fmt::format("10.0.0.{}", i + 1))};
    }
    std::vector<uint32_t> found;
    for (const auto& member : spread(records, addresses).members) found.push_back(member.weight);
    return found;
}

TEST(Srv, IsReadFromText) {
    EXPECT_EQ(read_srv("10 65535 443 host.example.org"), (Srv{10, 65535, 443, "host.example.org"}));
    EXPECT_EQ(read_srv("0 0 0 "), (Srv{0, 0, 0, ""}));
    for (const char* bad : {"", "1", "1 2 3", "1 2 65536 a", "-1 2 3 a", "a b c d"})
        EXPECT_FALSE(read_srv(bad)) << bad;
}

TEST(Srv, KeepsWeightsThatWeHaveToo) {
    EXPECT_THAT(weights({1, 1000, 20}), ElementsAre(1, 1000, 20));
}

TEST(Srv, ScalesLargerWeightsSoThatProportionsHold) {
    EXPECT_THAT(weights({65535, 32768, 6554}), ElementsAre(1000, 500, 100));
    EXPECT_THAT(weights({2000, 1000}), ElementsAre(1000, 500));
    EXPECT_THAT(weights({65535, 1}), ElementsAre(1000, 1)) << "it was not 0";
}

TEST(Srv, GivesWeightZeroTheSmallestShareBesideOthers) {
    EXPECT_THAT(weights({0, 1}), ElementsAre(1, 1000));
    EXPECT_THAT(weights({0, 10, 20}), ElementsAre(1, 500, 1000));
    EXPECT_THAT(weights({0, 0, 0}), ElementsAre(1, 1, 1));
}

TEST(Srv, SharesATargetsWeightAmongItsAddressesOfOneFamily) {
    std::map<std::string, std::vector<net::Ip>> addresses{
        {"a", {ip("10.0.0.1"), ip("10.0.0.2"), ip("2001:db8::1")}}, {"b", {ip("10.0.0.3")}}};
    auto set = spread({{.weight = 10, .port = 80, .target = "a"}, {.weight = 10, .port = 80, .target = "b"}},
                      addresses);
    ASSERT_EQ(set.members.size(), 4u);
    EXPECT_EQ(set.members[0].weight, 5u);
    EXPECT_EQ(set.members[1].weight, 5u);
    EXPECT_EQ(set.members[2].weight, 10u) << "the only one of its family";
    EXPECT_EQ(set.members[3].weight, 10u);
    set = spread({{.weight = 1, .port = 80, .target = "a"}, {.weight = 1, .port = 80, .target = "b"}},
                 addresses);
    EXPECT_EQ(set.members[0].weight, 500u);
    EXPECT_EQ(set.members[3].weight, 1000u);
}

TEST(Srv, MakesEachPriorityATier) {
    std::map<std::string, std::vector<net::Ip>> addresses{{"a", {ip("10.0.0.1")}}, {"b", {ip("10.0.0.2")}}};
    auto set = spread({{.priority = 10, .weight = 60000, .port = 80, .target = "a"},
                       {.priority = 65535, .weight = 3, .port = 81, .target = "b"}},
                      addresses);
    ASSERT_EQ(set.members.size(), 2u);
    EXPECT_EQ(set.members[0], (Found{ip("10.0.0.1"), net::Port(80), 1000, 10}));
    EXPECT_EQ(set.members[1], (Found{ip("10.0.0.2"), net::Port(81), 3, 65535})) << "scaled apart";
}

TEST(Srv, RefusesWhatIsNoBackendAndKeepsTheOthers) {
    std::map<std::string, std::vector<net::Ip>> addresses{
        {"good", {ip("10.0.0.1")}}, {"local", {ip("127.0.0.1")}}, {"gone", {}}};
    auto set = spread({{.port = 80, .target = "good"},
                       {.port = 0, .target = "good"},
                       {.port = 80, .target = "local"},
                       {.port = 80, .target = "gone"}},
                      addresses);
    ASSERT_EQ(set.members.size(), 1u);
    EXPECT_THAT(set.refused,
                ElementsAre("good:0: 0 is no port", "local:80: 127.0.0.1 is not the address of a backend",
                            "gone:80: it has no address"));
}

TEST(Srv, WithoutATargetSaysThatThereIsNoService) {
    EXPECT_EQ(spread({{.port = 80, .target = ""}}, {}), Set());
}

}  // namespace
}  // namespace weir::discovery
