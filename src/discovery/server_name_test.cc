#include "discovery/server_name.h"

#include <gmock/gmock.h>

namespace weir::discovery {
namespace {

using testing::HasSubstr;

TEST(ServerName, IsANameOrAnAddressAndAPort) {
    EXPECT_EQ(ServerName::parse("redis.example.org:6379").value(),
              (ServerName{"redis.example.org", net::Port(6379)}));
    EXPECT_EQ(ServerName::parse("10.0.0.1:6379").value(), (ServerName{"10.0.0.1", net::Port(6379)}));
    EXPECT_EQ(ServerName::parse("[2001:db8::1]:6379").value(), (ServerName{"2001:db8::1", net::Port(6379)}));
}

TEST(ServerName, IsWrittenAsItIsRead) {
    for (const auto* text : {"redis_1:6379", "10.0.0.1:6379", "[2001:db8::1]:6379"})
        EXPECT_EQ(ServerName::parse(text).value().text(), text);
}

TEST(ServerName, ThatIsNoneSaysWhatToWrite) {
    EXPECT_THAT(ServerName::parse("redis").error().message, HasSubstr("has no port; write HOST:PORT"));
    for (const auto* text : {":6379", "redis:", "redis:0", "redis:65536", "2001:db8::1:6379", "[::1:6379",
                             "a b:6379", "-x:6379", "http://redis:6379", "a,b:6379", "a/b:6379"})
        EXPECT_FALSE(ServerName::parse(text)) << text;
}

}  // namespace
}  // namespace weir::discovery
