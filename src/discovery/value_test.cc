#include "discovery/value.h"

#include <gmock/gmock.h>

#include "discovery/yaml_list.h"

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
        {"255.255.255.255", "is not the address of a backend"},
        {"{", "is not JSON"},
        {"{}", "it has no 'address'"},
        {R"({"address": 5})", "it has no 'address'"},
        {R"({"address": "10.0.0.1", "weight": 1001})", "its 'weight' is not a number from 0 to 1000"},
        {R"({"address": "10.0.0.1", "weight": 1.5})", "its 'weight' is not a number"},
        {R"({"address": "10.0.0.1", "port": 0})", "its 'port' is not a number from 1 to 65535"},
        {R"({"address": "10.0.0.1", "port": "80x"})", "its 'port' is not a number"},
        {R"({"address": "10.0.0.1", "tags": "a"})", "its 'tags' are no list of words"},
        {R"({"address": "10.0.0.1", "tags": [5]})", "its 'tags' are no list of words"},
        {R"({"address": "10.0.0.1", "tags": [""]})", "a tag is a word of at most 255 bytes"},
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

TEST(Values, AreAYamlList) {
    auto set = read_values(R"(# ours
---
- 10.0.0.1:80  # the first
- {address: 10.0.0.2, port: 81, weight: 2, priority: 1, tags: [blue, 5], since: {year: 1999}}
- address: "[2001:db8::1]:80"
- 2001:db8::2
)",
                           "list");
    EXPECT_THAT(set.members, ElementsAre(Found{ip("10.0.0.1"), net::Port(80)},
                                         Found{ip("10.0.0.2"), net::Port(81), 2, 1, {"blue", "5"}},
                                         Found{ip("2001:db8::1"), net::Port(80)}, Found{ip("2001:db8::2")}));
    EXPECT_THAT(set.refused, IsEmpty());
    EXPECT_THAT(read_values("[10.0.0.1, 10.0.0.2:80]", "list").members,
                ElementsAre(Found{ip("10.0.0.1")}, Found{ip("10.0.0.2"), net::Port(80)}));
    EXPECT_THAT(read_values("-\n  address: 10.0.0.1\n", "list").members, ElementsAre(Found{ip("10.0.0.1")}));
    for (const auto* empty : {"---\n", "--- []\n", "[]", "# none\n", "", "\xef\xbb\xbf\n"})
        EXPECT_EQ(read_list(empty, "list").value(), Set()) << empty;
}

TEST(Values, OfAYamlListThatAreNoneAreToldWithTheirPlace) {
    auto set = read_values(
        "- 10.0.0.1\n- web1\n- {weight: 2}\n- {address: 10.0.0.2, weight: }\n- [a]\n-\n"
        "- {address: 10.0.0.3, tags: [[a]]}\n- {address: 10.0.0.4, [a]: b}\n",
        "list");
    EXPECT_THAT(set.members, ElementsAre(Found{ip("10.0.0.1")}, Found{ip("10.0.0.4")}));
    EXPECT_THAT(set.refused, ElementsAre("list, line 2: 'web1' is no ADDRESS, ADDRESS:PORT or [IPv6]:PORT",
                                         "list, line 3: it has no 'address'",
                                         "list, line 4: its 'weight' is not a number from 0 to 1000",
                                         "list, line 5: a list is neither an address nor a mapping with one",
                                         "list, line 6: nothing is neither an address nor a mapping with one",
                                         "list, line 7: its 'tags' are no list of words"));
}

TEST(Values, MayHaveAHashInAnObject) {
    EXPECT_THAT(read_values(R"({"address": "10.0.0.1", "tags": ["#1"]})", "list").members,
                ElementsAre(Found{ip("10.0.0.1"), {}, 1, 0, {"#1"}}));
}

TEST(Values, HaveTagsThatCanBeShown) {
    EXPECT_THAT(read_values("10.0.0.1 caf\xe9\n", "list").members,
                ElementsAre(Found{ip("10.0.0.1"), {}, 1, 0, {R"(caf\xe9)"}}));
    std::string many = "10.0.0.1";
    for (size_t i = 0; i <= kMostTags; ++i) many += " a";
    EXPECT_THAT(read_values(many, "list").refused, ElementsAre(HasSubstr("it has more than 64 tags")));
}

TEST(Values, OfATextThatIsCutOffAreNotHalfOfThem) {
    for (const auto* text :
         {R"(["10.0.0.1",
"10.0.0.2")",
          "[\n{\"address\": \"10.0.0.1\"}\n", "- 10.0.0.1\n- {address: 10.0.0.2", "[10.0.0.1,\n"}) {
        auto list = read_list(text, "list");
        ASSERT_FALSE(list) << text;
        EXPECT_THAT(list.error().message, HasSubstr("this is not YAML")) << text;
        EXPECT_THAT(read_values(text, "list").members, IsEmpty());
    }
}

TEST(Values, OfWhichNoneIsABackendAreNoList) {
    EXPECT_EQ(read_list("<html>\n<body>Bad Gateway</body>\n</html>\n", "list").error().message,
              "list, line 1: '<html>' is no ADDRESS, ADDRESS:PORT or [IPv6]:PORT");
    EXPECT_THAT(read_list("--- 5\n", "list").error().message,
                HasSubstr("a single value stands where a list should"));
    EXPECT_EQ(read_list("10.0.0.1\nweb1\n", "list").value().members.size(), 1u);
    EXPECT_EQ(read_list("10.0.0.1\nweb1\n", "list").value().refused.size(), 1u);
}

TEST(Values, ThatAreNoneAreNotAllToldOf) {
    std::string text = "10.0.0.1\n";
    for (int i = 0; i < 1'000'000; ++i) text += "x\n";
    auto set = read_values(text, "list");
    EXPECT_EQ(set.members.size(), 1u);
    EXPECT_EQ(set.refused.size(), kMostRefused + 1);
    EXPECT_EQ(set.refused.back(), "and more");
}

TEST(Values, AsYamlAreBounded) {
    EXPECT_THAT(read_list("- 10.0.0.1\n" + std::string(kMostYaml, '#'), "list").error().message,
                HasSubstr("a YAML list of more than 1 MiB"));
    std::string bomb = "- &a [x, x, x, x, x, x, x, x]\n";
    for (char name = 'b'; name < 'z'; ++name)
        bomb += fmt::format("- &{0} [*{1}, *{1}, *{1}, *{1}, *{1}]\n", name, static_cast<char>(name - 1));
    EXPECT_THAT(read_list(bomb, "list").error().message, HasSubstr("aliases"));
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
