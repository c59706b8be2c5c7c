#include "announce/bgp/update.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "announce/bgp/golden.h"

namespace weir::announce::bgp {
namespace {

using net::Family;
using testing::ElementsAre;

std::vector<net::Prefix> prefixes(std::initializer_list<std::string_view> texts) {
    std::vector<net::Prefix> all;
    for (auto text : texts) all.push_back(prefix(text));
    return all;
}

std::vector<Bytes> announce(std::initializer_list<std::string_view> texts, const Attributes& attributes,
                            const Dialect& dialect = {}) {
    return announcements(prefixes(texts), attributes, dialect);
}

Received read_back(const Bytes& message, const Dialect& dialect = {}) {
    auto read = read_message(message, dialect);
    EXPECT_TRUE(read) << read.error().why;
    return read ? std::get<Received>(*read) : Received{};
}

TEST(BgpUpdate, AnnouncesIpv4AsTheRfcHasIt) {
    Attributes attributes{.next_hop = ip("10.1.10.100"),
                          .as_path = {65000},
                          .med = 10,
                          .communities = {0xfde80064, kGracefulShutdown}};
    EXPECT_THAT(announce({"192.168.101.1/32", "192.168.102.0/24"}, attributes),
                ElementsAre(golden("0046 02 0000 0026"
                                   "40 01 01 00"
                                   "40 02 06 02 01 0000fde8"
                                   "40 03 04 0a010a64"
                                   "80 04 04 0000000a"
                                   "c0 08 08 fde80064 ffff0000"
                                   "20 c0a86501  18 c0a866")));
}

TEST(BgpUpdate, TellsPeersOfTheOwnAsAPreferenceAndNoPath) {
    EXPECT_THAT(announce({"10.0.0.0/8"}, {.next_hop = ip("10.1.10.100"), .local_pref = 100}),
                ElementsAre(golden("002e 02 0000 0015"
                                   "40 01 01 00  40 02 00  40 03 04 0a010a64  40 05 04 00000064"
                                   "08 0a")));
}

TEST(BgpUpdate, AnnouncesIpv6WithTheReachabilityInFront) {
    Attributes attributes{
        .next_hop = ip("2001:db8:10::100"), .as_path = {65000}, .large_communities = {{65000, 1, 2}}};
    EXPECT_THAT(announce({"2001:db8:101::1/128"}, attributes),
                ElementsAre(golden("005d 02 0000 0046"
                                   "90 0e 0026 0002 01 10 20010db8001000000000000000000100 00"
                                   "80 20010db8010100000000000000000001"
                                   "40 01 01 00  40 02 06 02 01 0000fde8"
                                   "c0 20 0c 0000fde8 00000001 00000002")));
}

TEST(BgpUpdate, AnnouncesIpv4WithAnIpv6NextHop) {
    EXPECT_THAT(announce({"192.168.101.1/32"}, {.next_hop = ip("2001:db8:10::100")}),
                ElementsAre(golden("003c 02 0000 0025"
                                   "90 0e 001a 0001 01 10 20010db8001000000000000000000100 00"
                                   "20 c0a86501"
                                   "40 01 01 00  40 02 00")));
}

TEST(BgpUpdate, HidesAnAsnOfFourBytesFromAPeerThatKnowsTwo) {
    Dialect old{.four_byte_asn = false};
    EXPECT_THAT(
        announce({"10.0.0.0/8"}, {.next_hop = ip("10.1.10.100"), .as_path = {4200000000, 65000}}, old),
        ElementsAre(golden("003a 02 0000 0021"
                           "40 01 01 00  40 02 06 02 02 5ba0 fde8  40 03 04 0a010a64"
                           "c0 11 0a 02 02 fa56ea00 0000fde8"
                           "08 0a")));
    EXPECT_THAT(announce({"10.0.0.0/8"},
                         {.next_hop = ip("10.1.10.100"),
                          .as_path = {4200000000},
                          .communities = {0xfde80064},
                          .large_communities = {{65000, 1, 2}}},
                         old),
                ElementsAre(golden("004a 02 0000 0031"
                                   "40 01 01 00  40 02 04 02 01 5ba0  40 03 04 0a010a64"
                                   "c0 08 04 fde80064  c0 11 06 02 01 fa56ea00"
                                   "c0 20 0c 0000fde8 00000001 00000002"
                                   "08 0a")))
        << "in the order of the types";
    EXPECT_THAT(announce({"10.0.0.0/8"}, {.next_hop = ip("10.1.10.100"), .as_path = {65000}}, old),
                ElementsAre(golden("002b 02 0000 0012"
                                   "40 01 01 00  40 02 04 02 01 fde8  40 03 04 0a010a64"
                                   "08 0a")))
        << "one of two bytes is not said twice";
}

TEST(BgpUpdate, Withdraws) {
    EXPECT_THAT(withdrawals(prefixes({"192.168.101.1/32"})),
                ElementsAre(golden("001c 02 0005 20 c0a86501 0000")));
    EXPECT_THAT(withdrawals(prefixes({"2001:db8::/32"})),
                ElementsAre(golden("0023 02 0000 000c 90 0f 0008 0002 01 20 20010db8")));
}

TEST(BgpUpdate, SaysThatAllHasBeenSaid) {
    EXPECT_EQ(end_of_rib(Family::v4), golden("0017 02 0000 0000"));
    EXPECT_EQ(end_of_rib(Family::v6), golden("001e 02 0000 0007 90 0f 0003 0002 01"));
    EXPECT_EQ(read_back(end_of_rib(Family::v4)).end_of_rib, Family::v4);
    EXPECT_EQ(read_back(end_of_rib(Family::v6)).end_of_rib, Family::v6);
}

TEST(BgpUpdate, FillsMessagesToTheLimitAndNoFurther) {
    for (auto pattern : {"10.0.{}.{}/32", "2001:db8::{:x}:{:x}/128"}) {
        std::vector<net::Prefix> all;
        for (int i = 0; i < 3000; ++i)
            all.push_back(prefix(fmt::format(fmt::runtime(pattern), i / 256, i % 256)));
        bool v4 = all[0].address.is_v4();
        Attributes attributes{.next_hop = ip(v4 ? "10.1.10.100" : "2001:db8::1"), .as_path = {65000}};
        const size_t each = v4 ? 5 : 17, per_message = (v4 ? 4096 - 45 : 4096 - 61) / each;
        auto expected = (all.size() + per_message - 1) / per_message;
        size_t announced = 0, withdrawn = 0;
        auto messages = announcements(all, attributes, {});
        EXPECT_EQ(messages.size(), expected);
        for (const auto& message : messages) {
            EXPECT_LE(message.size(), kMostMessage);
            announced += read_back(message).announced;
        }
        for (const auto& message : withdrawals(all)) {
            EXPECT_LE(message.size(), kMostMessage);
            withdrawn += read_back(message).withdrawn;
        }
        EXPECT_EQ(announced, all.size());
        EXPECT_EQ(withdrawn, all.size());
    }
}

TEST(BgpUpdate, HasLongListsOfCommunities) {
    Attributes attributes{.next_hop = ip("10.1.10.100"), .as_path = {65000}};
    attributes.communities.resize(100);
    std::ranges::generate(attributes.communities, [next = 1u]() mutable { return next++; });
    attributes.large_communities.resize(100);
    auto messages = announce({"10.0.0.0/8"}, attributes);
    ASSERT_EQ(messages.size(), 1u);
    EXPECT_EQ(read_back(messages[0]).fault, "");
    EXPECT_EQ(read_back(messages[0]).announced, 1u);
}

TEST(BgpUpdate, IsTakenByTheOwnCheckInEveryDialect) {
    for (bool external : {false, true})
        for (bool wide : {false, true}) {
            Dialect dialect{external, wide, true};
            Attributes attributes{.next_hop = ip("2001:db8::1"), .med = 1, .communities = {1}};
            if (external)
                attributes.as_path = {4200000000};
            else
                attributes.local_pref = 100;
            for (auto text : {"10.0.0.0/8", "2001:db8::/32"}) {
                auto received = read_back(announce({text}, attributes, dialect)[0], dialect);
                EXPECT_EQ(received.fault, "") << external << wide << text;
                EXPECT_EQ(received.announced, 1u);
            }
        }
}

}  // namespace
}  // namespace weir::announce::bgp
