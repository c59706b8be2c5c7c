#include "discovery/redis_members.h"

#include <gmock/gmock.h>

#include "discovery/value.h"

namespace weir::discovery {
namespace {

using testing::ElementsAre, testing::HasSubstr, testing::IsEmpty;

net::Ip ip(const char* text) {
    return net::Ip::parse(text).value();
}

RedisReply list(const std::vector<std::string>& texts) {
    RedisReply reply{RedisReply::Kind::list};
    for (const auto& text : texts) reply.items.push_back({RedisReply::Kind::text, text});
    return reply;
}

Set read(RedisType type, const std::vector<std::string>& texts) {
    return read_redis_members(type, list(texts), "web").value();
}

TEST(RedisType, IsOneThatHoldsMembers) {
    auto type = [](const char* text) { return redis_type({RedisReply::Kind::text, text}, "web"); };
    EXPECT_EQ(type("none"), RedisType::none);
    EXPECT_EQ(type("set"), RedisType::set);
    EXPECT_EQ(type("zset"), RedisType::sorted_set);
    EXPECT_EQ(type("hash"), RedisType::hash);
    EXPECT_THAT(type("string").error().message,
                HasSubstr("the key 'web' is of the type 'string'; make it a set"));
}

TEST(RedisSet, HasValues) {
    auto set = read(RedisType::set, {"10.0.0.1:80", R"({"address": "10.0.0.2", "weight": 3})", "x"});
    EXPECT_THAT(set.members, ElementsAre(Found{ip("10.0.0.1"), net::Port(80)}, Found{ip("10.0.0.2"), {}, 3}));
    EXPECT_THAT(set.refused, ElementsAre(HasSubstr("key 'web', 'x': 'x' is no ADDRESS")));
}

TEST(RedisSortedSet, HasWeightsAsScores) {
    auto set = read(RedisType::sorted_set,
                    {"10.0.0.1:80", "5", "10.0.0.2", "0", "10.0.0.3", "1.5", "10.0.0.4", "inf", "10.0.0.5",
                     "-1", "10.0.0.6", "1001", "x", "1", R"({"address": "10.0.0.7", "weight": 3})", "1e2"});
    EXPECT_THAT(set.members, ElementsAre(Found{ip("10.0.0.1"), net::Port(80), 5},
                                         Found{ip("10.0.0.2"), {}, 0}, Found{ip("10.0.0.7"), {}, 100}));
    EXPECT_THAT(set.refused,
                ElementsAre(HasSubstr("'10.0.0.3': its score '1.5' is no weight: a whole number from 0"),
                            HasSubstr("its score 'inf'"), HasSubstr("its score '-1'"),
                            HasSubstr("its score '1001'"), HasSubstr("'x' is no ADDRESS")));
}

TEST(RedisHash, HasWeightsByAddressOrValuesByName) {
    auto set = read(RedisType::hash, {"10.0.0.1:80", "5", "10.0.0.2", "", "web-3", "10.0.0.3:81", "web-4",
                                      R"({"address": "10.0.0.4", "weight": 3})", "10.0.0.5", "2000",
                                      "10.0.0.6", "heavy", "web-7", "5"});
    EXPECT_THAT(set.members, ElementsAre(Found{ip("10.0.0.1"), net::Port(80), 5}, Found{ip("10.0.0.2")},
                                         Found{ip("10.0.0.3"), net::Port(81)}, Found{ip("10.0.0.4"), {}, 3}));
    EXPECT_THAT(set.refused, ElementsAre(HasSubstr("'10.0.0.5': its value '2000' is no weight"),
                                         HasSubstr("'10.0.0.6': 'heavy' is no ADDRESS"),
                                         HasSubstr("'web-7': 'web-7' is no ADDRESS")));
}

TEST(RedisMembers, AreNoMoreThanASetTakes) {
    std::vector<std::string> texts;
    for (size_t i = 0; i <= kMostMembers; ++i)
        texts.push_back(fmt::format("10.{}.{}.{}", i >> 16, i >> 8 & 255, i & 255));
    auto set = read(RedisType::set, texts);
    EXPECT_EQ(set.members.size(), kMostMembers);
    EXPECT_THAT(set.refused, ElementsAre(HasSubstr("more than 65536")));
}

TEST(RedisMembers, AreNoneInAnAnswerOfAnotherKind) {
    for (const auto& reply : {RedisReply{RedisReply::Kind::nil},
                              RedisReply{RedisReply::Kind::text, "10.0.0.1"}, list({"10.0.0.1"})})
        EXPECT_FALSE(read_redis_members(RedisType::hash, reply, "web"));
    EXPECT_THAT(read(RedisType::set, {}).members, IsEmpty());
}

}  // namespace
}  // namespace weir::discovery
