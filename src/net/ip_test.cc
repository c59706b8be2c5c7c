#include "net/ip.h"

#include <gtest/gtest.h>

namespace weir::net {
namespace {

TEST(Ip, ReadsAndWritesBothFamilies) {
    EXPECT_EQ(Ip::parse("192.0.2.1")->text(), "192.0.2.1");
    EXPECT_EQ(Ip::parse("2001:db8:0:0::1")->text(), "2001:db8::1");
    EXPECT_EQ(Ip::parse("192.0.2.1")->bytes().size(), 4u);
    EXPECT_EQ(Ip::parse("::1")->bytes().size(), 16u);
}

TEST(Ip, RefusesWhatIsNoAddress) {
    for (auto text : {"", "1.2.3", "1.2.3.4.5", "1.2.3.256", "::1%eth0", "[::1]", "host"})
        EXPECT_FALSE(Ip::parse(text)) << text;
    using namespace std::string_view_literals;
    EXPECT_FALSE(Ip::parse("192.0.2.1\0.5"sv)) << "what stands behind a NUL belongs to it";
}

TEST(Port, IsFromOneTo65535) {
    EXPECT_EQ(Port::parse("65535")->value(), 65535);
    for (auto text : {"", "0", "65536", "-1", "80x", " 80"}) EXPECT_FALSE(Port::parse(text)) << text;
}

TEST(Endpoint, WantsBracketsAroundIpv6Only) {
    EXPECT_EQ(Endpoint::parse("[::1]:80")->text(), "[::1]:80");
    EXPECT_EQ(Endpoint::parse("127.0.0.1:80")->text(), "127.0.0.1:80");
    for (auto text : {"::1:80", "[127.0.0.1]:80", "127.0.0.1", ":80", "127.0.0.1:"})
        EXPECT_FALSE(Endpoint::parse(text)) << text;
}

TEST(Endpoint, SurvivesTheSocketApi) {
    for (auto text : {"192.0.2.7:443", "[2001:db8::7]:443"}) {
        auto endpoint = *Endpoint::parse(text);
        EXPECT_EQ(*from_socket_address(to_socket_address(endpoint).storage), endpoint);
    }
}

TEST(Prefix, ContainsItsAddressesAndNoOthers) {
    auto prefix = *Prefix::parse("10.1.8.0/21");
    EXPECT_TRUE(prefix.contains(*Ip::parse("10.1.15.255")));
    EXPECT_FALSE(prefix.contains(*Ip::parse("10.1.16.0")));
    EXPECT_FALSE(prefix.contains(*Ip::parse("::1")));
    EXPECT_TRUE(Prefix::parse("::/0")->contains(*Ip::parse("2001:db8::1")));
    for (auto text : {"10.1.8.1/21", "10.0.0.0/33", "10.0.0.0", "10.0.0.0/"})
        EXPECT_FALSE(Prefix::parse(text)) << text;
}

TEST(Mac, ReadsAndWrites) {
    EXPECT_EQ(Mac::parse("02:00:5e:10:00:ff")->text(), "02:00:5e:10:00:ff");
    for (auto text : {"", "02:00:5e:10:00", "02-00-5e-10-00-ff", "02:00:5e:10:00:fg"})
        EXPECT_FALSE(Mac::parse(text)) << text;
}

}  // namespace
}  // namespace weir::net
