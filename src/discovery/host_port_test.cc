#include "discovery/host_port.h"

#include <gmock/gmock.h>

namespace weir::discovery {
namespace {

using testing::HasSubstr;

TEST(HostPort, IsANameOrAnAddressAndAPort) {
    EXPECT_EQ(HostPort::parse("redis.example.org:6379").value(),
              (HostPort{"redis.example.org", net::Port(6379)}));
    EXPECT_EQ(HostPort::parse("10.0.0.1:6379").value(), (HostPort{"10.0.0.1", net::Port(6379)}));
    EXPECT_EQ(HostPort::parse("[2001:db8::1]:6379").value(), (HostPort{"2001:db8::1", net::Port(6379)}));
}

TEST(HostPort, IsWrittenAsItIsRead) {
    for (const auto* text : {"redis_1:6379", "10.0.0.1:6379", "[2001:db8::1]:6379"})
        EXPECT_EQ(HostPort::parse(text).value().text(), text);
}

TEST(HostPort, ThatIsNoneSaysWhatToWrite) {
    EXPECT_THAT(HostPort::parse("redis").error().message, HasSubstr("has no port; write HOST:PORT"));
    for (const auto* text : {":6379", "redis:", "redis:0", "redis:65536", "2001:db8::1:6379", "[::1:6379",
                             "a b:6379", "-x:6379", "http://redis:6379", "a,b:6379", "a/b:6379"})
        EXPECT_FALSE(HostPort::parse(text)) << text;
}

}  // namespace
}  // namespace weir::discovery
