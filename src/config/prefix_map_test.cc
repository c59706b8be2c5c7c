#include "config/prefix_map.h"

#include <gtest/gtest.h>

namespace weir::config {
namespace {

net::Prefix prefix(std::string_view text) {
    return net::Prefix::parse(text).value();
}

TEST(PrefixMap, CutsAnAddressAtAnyBit) {
    auto ip = [](std::string_view text) { return net::Ip::parse(text).value(); };
    EXPECT_EQ(around(ip("203.0.113.255"), 32), prefix("203.0.113.255/32"));
    EXPECT_EQ(around(ip("203.0.113.255"), 29), prefix("203.0.113.248/29"));
    EXPECT_EQ(around(ip("203.0.113.255"), 8), prefix("203.0.0.0/8"));
    EXPECT_EQ(around(ip("2001:db8::ffff"), 113), prefix("2001:db8::8000/113"));
    EXPECT_EQ(around(ip("2001:db8::ffff"), 0), prefix("::/0"));
}

TEST(PrefixMap, FindsWhatContainsAPrefixAndWhatLiesInIt) {
    PrefixMap<int> map;
    map.add(prefix("192.0.2.16/28"), 1);
    map.add(prefix("10.0.0.0/8"), 2);
    map.add(prefix("2001:db8::/64"), 3);
    auto at = [&](std::string_view text) {
        const auto* found = map.overlapping(prefix(text));
        return found ? found->second : 0;
    };
    EXPECT_EQ(at("192.0.2.31/32"), 1);
    EXPECT_EQ(at("192.0.2.16/28"), 1);
    EXPECT_EQ(at("192.0.0.0/16"), 1);
    EXPECT_EQ(at("192.0.2.15/32"), 0);
    EXPECT_EQ(at("192.0.2.32/32"), 0);
    EXPECT_EQ(at("10.255.0.0/16"), 2);
    EXPECT_EQ(at("0.0.0.0/0"), 2);
    EXPECT_EQ(at("2001:db8::1/128"), 3);
    EXPECT_EQ(at("2001::/16"), 3);
    EXPECT_EQ(at("2001:db8:0:1::/64"), 0);
}

TEST(PrefixMap, KeepsTheFirstValueOfAPrefix) {
    PrefixMap<int> map;
    map.add(prefix("192.0.2.1/32"), 1);
    map.add(prefix("192.0.2.1/32"), 2);
    EXPECT_EQ(map.overlapping(prefix("192.0.2.1/32"))->second, 1);
}

}  // namespace
}  // namespace weir::config
