#include "discovery/json_items.h"

#include <gmock/gmock.h>

namespace weir::discovery {
namespace {

using testing::ElementsAre, testing::HasSubstr;

net::Ip ip(const char* text) {
    return net::Ip::parse(text).value();
}

TEST(JsonItems, AreReadAsTheyStand) {
    auto set =
        read_items(R"(["10.0.0.1", "10.0.0.2:80", {"address": "10.0.0.3", "weight": 3, "x": 1}, 5, {}])", {});
    ASSERT_TRUE(set);
    EXPECT_THAT(set->members, ElementsAre(Found{ip("10.0.0.1")}, Found{ip("10.0.0.2"), net::Port(80)},
                                          Found{ip("10.0.0.3"), {}, 3}));
    EXPECT_THAT(set->refused, ElementsAre(HasSubstr("item 4: "), HasSubstr("item 5: it has no 'address'")));
}

TEST(JsonItems, HaveTheirPartsWhereThePointersSay) {
    JsonShape shape{.lists = {"/data/servers"},
                    .address = "/ip~1v4",
                    .port = "/ports/0",
                    .weight = "/w",
                    .ready = "/alive"};
    auto set = read_items(R"({"w": 9, "data": {"servers": [
        {"ip/v4": "10.0.0.1", "ports": [80, 81], "w": 2, "alive": true},
        {"ip/v4": "10.0.0.2", "alive": false},
        {"ip/v4": "10.0.0.3", "ports": ["443"]},
        {"ip/v4": "10.0.0.4", "w": 1001},
        {"address": "10.0.0.5"}]}})",
                          shape);
    ASSERT_TRUE(set) << set.error().message;
    EXPECT_THAT(set->members, ElementsAre(Found{ip("10.0.0.1"), net::Port(80), 2},
                                          Found{ip("10.0.0.3"), net::Port(443), 9}));
    EXPECT_THAT(set->refused, ElementsAre("item 4: its 'weight' is not a number from 0 to 1000",
                                          "item 5: it has no /ip~1v4"));
}

TEST(JsonItems, AreInListsWithinLists) {
    JsonShape shape{.lists = {"/a", "/b", ""}};
    auto set =
        read_items(R"({"a": [{"b": [["10.0.0.1"], ["10.0.0.2", "x"]]}, {"b": null}, {}, {"b": 5}]})", shape);
    ASSERT_TRUE(set);
    EXPECT_THAT(set->members, ElementsAre(Found{ip("10.0.0.1")}, Found{ip("10.0.0.2")}));
    EXPECT_THAT(set->refused,
                ElementsAre(HasSubstr("item 1, item 2, item 2: 'x'"), "item 4: its /b is no list"));
}

TEST(JsonItems, ThatAreNotThereAreNotTakenForNone) {
    JsonShape shape{.lists = {"/items"}};
    for (const char* text : {"", "{}", "[]", "5", "<html>", R"({"items": {}})", R"({"Items": []})"})
        EXPECT_FALSE(read_items(text, shape)) << text;
    EXPECT_EQ(read_items("{}", shape).error().message, "there is no list at /items in '{}'");
    for (const char* text : {R"({"items": []})", R"({"items": null})"})
        EXPECT_EQ(read_items(text, shape).value(), Set{}) << text;
}

TEST(JsonPointer, IsChecked) {
    for (const char* good : {"", "/", "/a", "/a/0/b~0c~1d"}) EXPECT_TRUE(check_pointer(good)) << good;
    for (const char* wrong : {"a", "$.a", "/a~", "/a~2"}) EXPECT_FALSE(check_pointer(wrong)) << wrong;
}

}  // namespace
}  // namespace weir::discovery
