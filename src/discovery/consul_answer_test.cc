#include "discovery/consul_answer.h"

#include <gmock/gmock.h>

namespace weir::discovery::consul {
namespace {

using testing::ElementsAre, testing::HasSubstr;

net::Ip ip(const char* text) {
    return net::Ip::parse(text).value();
}

TEST(ConsulQuestion, NamesWhatItWants) {
    EXPECT_EQ(target_of({.service = "web"}), "/v1/health/service/web?passing=true");
    EXPECT_EQ(target_of({.base = "/consul", .service = "a b", .tags = {"x", "y&z"}, .datacenter = "dc1"}),
              "/consul/v1/health/service/a%20b?passing=true&tag=x&tag=y%26z&dc=dc1");
}

// In the form of Consul's API documentation (Health, "List Service Instances").
constexpr const char* kAnswer = R"([
  {"Node": {"ID": "40e4a748", "Node": "foobar", "Address": "10.1.10.12", "Datacenter": "dc1"},
   "Service": {"ID": "redis1", "Service": "redis", "Tags": ["primary", "v6"], "Address": "10.1.10.13",
               "Port": 8000, "Weights": {"Passing": 10, "Warning": 1}},
   "Checks": [{"Node": "foobar", "CheckID": "service:redis", "Status": "passing"}]},
  {"Node": {"Node": "other", "Address": "2001:db8::1"},
   "Service": {"ID": "redis2", "Service": "redis", "Tags": null, "Address": "", "Port": 0}},
  {"Node": {"Node": "named", "Address": "10.1.10.14"},
   "Service": {"ID": "redis3", "Service": "redis", "Address": "redis.example.org", "Port": 1}}
])";

TEST(ConsulAnswer, HasInstances) {
    auto set = read_instances(kAnswer);
    ASSERT_TRUE(set) << set.error().message;
    EXPECT_THAT(set->members, ElementsAre(Found{ip("10.1.10.13"), net::Port(8000), 10, 0, {"primary", "v6"}},
                                          Found{ip("2001:db8::1")}));
    EXPECT_THAT(set->refused, ElementsAre(HasSubstr("instance redis3: 'redis.example.org' is no ADDRESS")));
    EXPECT_EQ(read_instances("[]").value(), Set{});
}

TEST(ConsulAnswer, BoundsWeightsAndPorts) {
    auto one = [](const char* service) {
        return read_instances(fmt::format(R"([{{"Service": {}}}])", service)).value();
    };
    EXPECT_EQ(one(R"({"Address": "10.0.0.1", "Weights": {"Passing": 65000}})").members.at(0).weight, 1000u);
    EXPECT_EQ(one(R"({"Address": "10.0.0.1", "Weights": {"Passing": -1}})").members.at(0).weight, 0u);
    EXPECT_THAT(one(R"({"Address": "10.0.0.1", "Port": 70000})").refused,
                ElementsAre(HasSubstr("item 1: its port is 70000")));
    EXPECT_THAT(one(R"({"Port": 1})").refused, ElementsAre(HasSubstr("is no ADDRESS")));
}

TEST(ConsulAnswer, ThatIsNoneIsNotTakenForAnEmptyOne) {
    for (const char* text : {"", "null", "{}", "<html>", "[1]", "[{}]", R"([{"Service": 1}])"})
        EXPECT_FALSE(read_instances(text)) << text;
}

TEST(ConsulIndex, IsAskedFromTheBeginningWhenItGoesBack) {
    EXPECT_EQ(next_index(0, "5"), 5u);
    EXPECT_EQ(next_index(5, "5"), 5u);
    EXPECT_EQ(next_index(5, "9"), 9u);
    EXPECT_EQ(next_index(5, "4"), 0u);
    for (const char* wrong : {"", "0", "-1", "x", "5x", "99999999999999999999999"})
        EXPECT_EQ(next_index(5, wrong), 0u) << wrong;
}

}  // namespace
}  // namespace weir::discovery::consul
