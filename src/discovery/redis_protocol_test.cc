#include "discovery/redis_protocol.h"

#include <gmock/gmock.h>

namespace weir::discovery {
namespace {

using testing::HasSubstr;
using Kind = RedisReply::Kind;

RedisReply text(const char* bytes) {
    return {Kind::text, bytes};
}

TEST(RedisCommand, IsAListOfWordsOfAnyBytes) {
    const std::string_view words[] = {"GET", std::string_view("a\r\n\0b", 5), ""};
    EXPECT_EQ(redis_command(words), std::string("*3\r\n$3\r\nGET\r\n$5\r\na\r\n\0b\r\n$0\r\n\r\n", 30));
}

TEST(RedisReader, GivesEachReplyOnceItIsWhole) {
    RedisReader reader;
    const std::string bytes =
        "+OK\r\n:7\r\n$-1\r\n-ERR no\r\n*3\r\n$1\r\na\r\n*2\r\n:1\r\n$-1\r\n$1\r\nb\r\n*0\r\n*-1\r\n";
    std::vector<RedisReply> replies;
    for (char byte : bytes) {
        ASSERT_TRUE(reader.feed({&byte, 1}));
        auto reply = reader.next();
        ASSERT_TRUE(reply);
        if (*reply) replies.push_back(**reply);
    }
    const std::vector<RedisReply> expected = {
        text("OK"),
        {Kind::number, "", 7},
        {Kind::nil},
        {Kind::error, "ERR no"},
        {Kind::list,
         "",
         0,
         {text("a"), {Kind::list, "", 0, {{Kind::number, "", 1}, {Kind::nil}}}, text("b")}},
        {Kind::list},
        {Kind::nil}};
    EXPECT_EQ(replies, expected);
}

TEST(RedisReader, TellsWhatIsNoRedis) {
    RedisReader reader;
    ASSERT_TRUE(reader.feed("HTTP/1.1 400 Bad Request\r\n\r\n"));
    auto reply = reader.next();
    ASSERT_FALSE(reply);
    EXPECT_THAT(reply.error().message, HasSubstr("this is no Redis server"));
    EXPECT_FALSE(reader.next()) << "it stays so";
}

TEST(RedisReader, TakesNoMoreThanItsBounds) {
    RedisReader lists;
    ASSERT_TRUE(lists.feed("*2000000000\r\n"));
    EXPECT_THAT(lists.next().error().message, HasSubstr("lists of more than 262144"));

    RedisReader nested;
    ASSERT_TRUE(nested.feed("*2\r\n*200000\r\n*200000\r\n"));
    EXPECT_THAT(nested.next().error().message, HasSubstr("lists of more than 262144"));

    RedisReader bytes;
    ASSERT_TRUE(bytes.feed("$2000000000\r\n"));
    const std::string piece(1 << 20, 'x');
    Status fed;
    size_t pieces = 0;
    for (; fed && pieces < 100; ++pieces) {
        fed = bytes.feed(piece);
        EXPECT_FALSE(bytes.next().value_or(std::nullopt));
    }
    EXPECT_EQ(pieces, RedisReader::kMostBytes >> 20);
    EXPECT_THAT(fed.error().message, HasSubstr("larger than 16 MiB"));
}

TEST(RedisReader, CountsTheBytesOfOneReplyOnly) {
    RedisReader reader;
    const std::string reply = "$1048576\r\n" + std::string(1 << 20, 'x') + "\r\n";
    for (int i = 0; i < 40; ++i) {
        ASSERT_TRUE(reader.feed(reply)) << i;
        ASSERT_TRUE(reader.next().value()) << i;
    }
}

}  // namespace
}  // namespace weir::discovery
