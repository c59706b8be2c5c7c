#include "proto/sp_url.h"

#include <gmock/gmock.h>

namespace weir::proto::sp {
namespace {

TEST(SpUrl, IsReadAsNanomsgWritesIt) {
    EXPECT_EQ(Url::parse("tcp://127.0.0.1:1024").value(),
              (Url{.host = "127.0.0.1", .port = net::Port(1024)}));
    EXPECT_EQ(Url::parse("tcp://*:1").value(), (Url{.host = "*", .port = net::Port(1)}));
    EXPECT_EQ(Url::parse("tcp://[2001:db8::1]:80").value(),
              (Url{.host = "2001:db8::1", .port = net::Port(80)}));
    EXPECT_EQ(Url::parse("tcp://queue.example.org:80").value(),
              (Url{.host = "queue.example.org", .port = net::Port(80)}));
    EXPECT_EQ(Url::parse("ipc:///run/q").value(), (Url{.transport = Transport::ipc, .path = "/run/q"}));
}

TEST(SpUrl, IsWrittenAsItIsRead) {
    for (const char* text :
         {"tcp://127.0.0.1:1024", "tcp://*:1", "tcp://[2001:db8::1]:80", "tcp://a-b.c:80", "ipc:///run/q"})
        EXPECT_EQ(Url::parse(text).value().text(), text);
}

TEST(SpUrl, ThatIsNoneIsRefused) {
    const std::string long_path = "ipc:///" + std::string(200, 'x');
    for (const char* text :
         {"", "127.0.0.1:1024", "tcp://127.0.0.1", "tcp://:1024", "tcp://a:0", "tcp://a:65536",
          "tcp://a b:80", "tcp://eth0;10.0.0.1:80", "tcp://2001:db8::1:80", "ipc://q", "ipc://", "inproc://q",
          "ws://a:80", long_path.c_str()}) {
        auto url = Url::parse(text);
        ASSERT_FALSE(url) << text;
        EXPECT_THAT(url.error().message, testing::HasSubstr("is no queue; write ")) << text;
    }
}

}  // namespace
}  // namespace weir::proto::sp
