#include "proto/sp_wire.h"

#include <gmock/gmock.h>

#include <cstring>

namespace weir::proto::sp {
namespace {

using testing::ElementsAre, testing::HasSubstr;
using namespace std::string_literals;

/// The messages in these bytes, which come so many at a time; what was wrong as the last.
std::vector<std::string> messages(Transport transport, std::string_view bytes, size_t at_a_time) {
    Frames frames(transport);
    std::vector<std::string> all;
    while (!bytes.empty()) {
        auto room = frames.room();
        auto size = std::min({bytes.size(), at_a_time, room.size()});
        std::memcpy(room.data(), bytes.data(), size);
        frames.fill(size);
        bytes.remove_prefix(size);
        for (;;) {
            auto next = frames.next();
            if (!next) {
                all.push_back(next.error().message);
                return all;
            }
            if (!*next) break;
            all.push_back(**next);
        }
    }
    return all;
}

// The golden bytes are those of nanomsg's RFCs sp-tcp-mapping-01 and sp-ipc-mapping-01.
TEST(SpGreeting, IsThatOfThePipelineProtocol) {
    EXPECT_THAT(greeting_of(Role::push), ElementsAre(0, 'S', 'P', 0, 0, 0x50, 0, 0));
    EXPECT_THAT(greeting_of(Role::pull), ElementsAre(0, 'S', 'P', 0, 0, 0x51, 0, 0));
}

TEST(SpGreeting, IsTakenFromTheOtherSideOnly) {
    EXPECT_TRUE(check_greeting(greeting_of(Role::pull), Role::push));
    EXPECT_TRUE(check_greeting(greeting_of(Role::push), Role::pull));
    auto same = check_greeting(greeting_of(Role::push), Role::push);
    ASSERT_FALSE(same);
    EXPECT_THAT(same.error().message, HasSubstr("speaks protocol 80, and not PULL (81)"));
    auto http = check_greeting({'H', 'T', 'T', 'P', '/', '1', '.', '1'}, Role::pull);
    ASSERT_FALSE(http);
    EXPECT_THAT(http.error().message, HasSubstr("does not speak the Scalability Protocols"));
}

TEST(SpFrames, HaveTheirLengthInFront) {
    EXPECT_EQ(frame_of(Transport::tcp, "10.0.0.1:80"), "\0\0\0\0\0\0\0\x0b"s + "10.0.0.1:80");
    EXPECT_EQ(frame_of(Transport::ipc, "ab"), "\x01\0\0\0\0\0\0\0\x02"s + "ab");
    EXPECT_EQ(frame_of(Transport::tcp, ""), "\0\0\0\0\0\0\0\0"s);
}

TEST(SpFrames, AreReadHoweverTheyCome) {
    for (auto transport : {Transport::tcp, Transport::ipc}) {
        std::string bytes;
        std::vector<std::string> wanted{"10.0.0.1:80", "", std::string(kLongestToken, 'x'), "b"};
        for (const auto& message : wanted) bytes += frame_of(transport, message);
        for (size_t at_a_time : {1, 2, 7, 8, 9, 100, 10000})
            EXPECT_EQ(messages(transport, bytes, at_a_time), wanted) << at_a_time;
    }
}

TEST(SpFrames, ThatAreNoneEndTheStream) {
    EXPECT_THAT(messages(Transport::tcp, "HTTP/1.1 400 Bad", 100), ElementsAre(HasSubstr("is no token")));
    EXPECT_THAT(messages(Transport::tcp, "\0\0\0\0\0\0\1\0"s, 1),
                ElementsAre("a message of 256 bytes is no token"));
    EXPECT_THAT(messages(Transport::ipc, frame_of(Transport::ipc, "a") + "\x02\0\0\0\0\0\0\0\0"s, 3),
                ElementsAre("a", "a frame begins with 2, and not with 1"));
}

}  // namespace
}  // namespace weir::proto::sp
