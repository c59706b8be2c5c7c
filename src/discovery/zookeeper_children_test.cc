#include "discovery/zookeeper_children.h"

#include <gmock/gmock.h>

#include "discovery/value.h"

namespace weir::discovery {
namespace {

using testing::ElementsAre, testing::HasSubstr, testing::IsEmpty;

net::Ip ip(const char* text) {
    return net::Ip::parse(text).value();
}

TEST(ZookeeperChildren, AreReadBeforeTheyAreASet) {
    ZookeeperChildren children("/services/web");
    EXPECT_FALSE(children.is_whole()) << "nothing is known";
    EXPECT_THAT(children.list({"b", "a"}), ElementsAre("a", "b"));
    EXPECT_FALSE(children.is_whole());
    children.read("a", "10.0.0.1:80");
    EXPECT_FALSE(children.is_whole());
    children.read("b", R"({"address": "10.0.0.2", "weight": 5})");
    ASSERT_TRUE(children.is_whole());
    EXPECT_THAT(children.set().members,
                ElementsAre(Found{ip("10.0.0.1"), net::Port(80)}, Found{ip("10.0.0.2"), {}, 5}));
}

TEST(ZookeeperChildren, ThatAreNoneAreAnEmptySet) {
    ZookeeperChildren children("/web");
    EXPECT_THAT(children.list({}), IsEmpty());
    EXPECT_TRUE(children.is_whole());
    EXPECT_EQ(children.set(), Set{});
}

TEST(ZookeeperChildren, WithoutDataAreBackendsByName) {
    ZookeeperChildren children("/web");
    children.list({"10.0.0.1:80", "web-1"});
    children.read("10.0.0.1:80", "");
    children.read("web-1", "");
    EXPECT_THAT(children.set().members, ElementsAre(Found{ip("10.0.0.1"), net::Port(80)}));
    EXPECT_THAT(children.set().refused, ElementsAre(HasSubstr("/web/web-1: 'web-1' is no ADDRESS")));
}

TEST(ZookeeperChildren, AreReadAgainWhenTheyComeAgain) {
    ZookeeperChildren children("/web");
    children.list({"a", "b"});
    children.read("a", "10.0.0.1");
    children.read("b", "10.0.0.2");
    EXPECT_THAT(children.list({"b"}), IsEmpty()) << "b is known";
    EXPECT_THAT(children.set().members, ElementsAre(Found{ip("10.0.0.2")}));
    EXPECT_THAT(children.list({"a", "b"}), ElementsAre("a"));
    EXPECT_FALSE(children.is_whole());
    children.remove("b");
    EXPECT_THAT(children.list({"a", "b"}), ElementsAre("b"));
}

TEST(ZookeeperChildren, ThatAreGoneAreNotReadIn) {
    ZookeeperChildren children("/web");
    children.list({"a"});
    children.list({});
    children.read("a", "10.0.0.1");
    EXPECT_EQ(children.set(), Set{});
}

TEST(ZookeeperChildren, AreNoMoreThanASetTakes) {
    ZookeeperChildren children("/web");
    std::vector<std::string> names;
    for (size_t i = 0; i < kMostMembers + 2; ++i)
        names.push_back(fmt::format("10.{}.{}.{}", i >> 16, i >> 8 & 255, i & 255));
    auto to_read = children.list(names);
    EXPECT_EQ(to_read.size(), kMostMembers);
    for (const auto& name : to_read) children.read(name, "");
    EXPECT_TRUE(children.is_whole());
    EXPECT_EQ(children.set().members.size(), kMostMembers);
    EXPECT_THAT(children.set().refused, ElementsAre(HasSubstr("/web: 2 children are more than the 65536")));
}

TEST(ZookeeperChildren, HavePathsBelowTheirNode) {
    ZookeeperChildren children("/web"), of_root("/");
    EXPECT_EQ(children.path_of("a"), "/web/a");
    EXPECT_EQ(of_root.path_of("a"), "/a");
    EXPECT_EQ(children.name_of("/web/a"), "a");
    EXPECT_EQ(of_root.name_of("/a"), "a");
    for (const auto* path : {"/web", "/web2/a", "/web/a/b", "a", ""})
        EXPECT_EQ(children.name_of(path), std::nullopt) << path;
}

}  // namespace
}  // namespace weir::discovery
