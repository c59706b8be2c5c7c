#include "discovery/value.h"

#include <gmock/gmock.h>

namespace weir::discovery {
namespace {

using testing::ElementsAre, testing::HasSubstr, testing::IsEmpty;

net::Ip ip(const char* text) {
    return net::Ip::parse(text).value();
}

TEST(Value, IsAnAddressWithOrWithoutAPort) {
    EXPECT_EQ(read_value("10.0.0.1").value(), (Found{ip("10.0.0.1")}));
    EXPECT_EQ(read_value(" 10.0.0.1:80\n").value(), (Found{ip("10.0.0.1"), net::Port(80)}));
    EXPECT_EQ(read_value("2001:db8::1").value(), (Found{ip("2001:db8::1")}));
    EXPECT_EQ(read_value("[2001:db8::1]:443").value(), (Found{ip("2001:db8::1"), net::Port(443)}));
}

TEST(Value, IsAnObjectWithMoreOfIt) {
    auto text = R"({"address": "10.0.0.1", "port": 80, "weight": 7, "priority": 2, "tags": ["a"], "x": 1})";
    EXPECT_EQ(read_value(text).value(), (Found{ip("10.0.0.1"), net::Port(80), 7, 2, {"a"}}));
    EXPECT_EQ(read_value(R"({"address": "10.0.0.1:81", "weight": "3"})").value(),
              (Found{ip("10.0.0.1"), net::Port(81), 3}));
}

TEST(Value, ThatIsNoneSaysWhatIsWrong) {
    const std::pair<const char*, const char*> cases[] = {
        {"", "'' is no ADDRESS"},
        {"web1:80", "'web1:80' is no ADDRESS"},
        {"10.0.0.1:0", "is no ADDRESS"},
        {"0.0.0.0", "0.0.0.0 is not the address of a backend"},
        {"127.0.0.1:80", "is not the address of a backend"},
        {"224.0.0.1", "is not the address of a backend"},
        {"{", "is not JSON"},
        {"{}", "it has no 'address'"},
        {R"({"address": 5})", "it has no 'address'"},
        {R"({"address": "10.0.0.1", "weight": 1001})", "its 'weight' is not a number from 0 to 1000"},
        {R"({"address": "10.0.0.1", "weight": 1.5})", "its 'weight' is not a number"},
        {R"({"address": "10.0.0.1", "port": 0})", "its 'port' is not a number from 1 to 65535"},
        {R"({"address": "10.0.0.1", "port": "80x"})", "its 'port' is not a number"},
        {R"({"address": "10.0.0.1", "tags": "a"})", "its 'tags' are no list of words"},
        {"\x01\xff", R"('\x01\xff' is no ADDRESS)"},
    };
    for (const auto& [text, message] : cases) {
        auto found = read_value(text);
        ASSERT_FALSE(found) << text;
        EXPECT_THAT(found.error().message, HasSubstr(message));
    }
    EXPECT_LT(read_value(std::string(100'000, 'x')).error().message.size(), 200u);
}

TEST(Values, AreABackendALine) {
    auto set =
        read_values("# ours\n10.0.0.1:80 weight=2 blue priority=1\n\n  10.0.0.2 # the other\n", "list");
    EXPECT_THAT(set.members,
                ElementsAre(Found{ip("10.0.0.1"), net::Port(80), 2, 1, {"blue"}}, Found{ip("10.0.0.2")}));
    EXPECT_THAT(set.refused, IsEmpty());
}

TEST(Values, AreAJsonList) {
    auto set = read_values(R"([ "10.0.0.1", {"address": "10.0.0.2", "weight": 5}, 3 ])", "list");
    EXPECT_THAT(set.members, ElementsAre(Found{ip("10.0.0.1")}, Found{ip("10.0.0.2"), {}, 5}));
    EXPECT_THAT(set.refused, ElementsAre(HasSubstr("list, item 3: '3' is neither")));
    EXPECT_THAT(read_values("[2001:db8::1]:80\n", "list").members,
                ElementsAre(Found{ip("2001:db8::1"), net::Port(80)}));
}

TEST(Values, ThatAreNoneAreToldWithTheirPlace) {
    auto set = read_values("10.0.0.1\nnonsense\n10.0.0.2 weight=x\n10.0.0.3 weight\n", "list");
    EXPECT_THAT(set.members, ElementsAre(Found{ip("10.0.0.1")}));
    EXPECT_THAT(set.refused,
                ElementsAre(HasSubstr("list, line 2: 'nonsense'"), HasSubstr("line 3: its 'weight'"),
                            HasSubstr("line 4: its 'weight'")));
}

TEST(Values, AreNoMoreThanASetTakes) {
    std::string text;
    for (size_t i = 0; i <= kMostMembers; ++i)
        text += fmt::format("10.{}.{}.{}\n", i >> 16, i >> 8 & 255, i & 255);
    auto set = read_values(text, "list");
    EXPECT_EQ(set.members.size(), kMostMembers);
    EXPECT_THAT(set.refused, ElementsAre(HasSubstr("more than 65536")));
}

}  // namespace
}  // namespace weir::discovery
