#include "discovery/zeroconf_services.h"

#include <gmock/gmock.h>

#include "discovery/value.h"

namespace weir::discovery {
namespace {

using testing::ElementsAre, testing::HasSubstr, testing::IsEmpty, testing::SizeIs;

net::Ip ip(const std::string& text) {
    return net::Ip::parse(text).value();
}

Announced at(const std::string& address, uint16_t port = 80, std::vector<std::string> txt = {}) {
    return {ip(address), port, std::move(txt)};
}

Found backend(const std::string& address, uint16_t port = 80, uint32_t weight = 1) {
    return {ip(address), net::Port(port), weight};
}

ServiceId id(std::string name, int protocol = 0, int interface = 2) {
    return {interface, protocol, std::move(name), "_http._tcp", "local"};
}

std::string why_not(const Announced& announced) {
    auto found = read_announced(announced);
    return found ? "it is one" : found.error().message;
}

class ZeroconfServicesTest : public testing::Test {
  protected:
    void add(const ServiceId& what, Result<Announced> is) {
        services_.take(Appeared{what});
        services_.take(Resolved{what, std::move(is)});
    }
    std::vector<Found> members() const { return services_.set().members; }

    ZeroconfServices services_;
};

TEST(Announcement, IsABackendWithItsWeightAndTags) {
    EXPECT_EQ(read_announced(at("10.0.0.1")).value(), backend("10.0.0.1"));
    auto found =
        read_announced(at("2001:db8::1", 443, {"path=/", "Weight=7", "weight=9", "tag=blue,,new", "x"}));
    EXPECT_EQ(found.value(), (Found{ip("2001:db8::1"), net::Port(443), 7, 0, {"blue", "new"}}));
}

TEST(Announcement, HasAWeightThatIsANumber) {
    const std::pair<const char*, uint32_t> cases[] = {{"weight=0", 0},          {"weight=1000", 1000},
                                                      {"weight=1000000", 1000}, {"weight=1e3", 1000},
                                                      {"weight=2.5", 3},        {"weight=0.01", 1}};
    for (const auto& [text, weight] : cases)
        EXPECT_EQ(read_announced(at("10.0.0.1", 80, {text}))->weight, weight);
    for (const char* text : {"weight=", "weight", "weight=-1", "weight=1000001", "weight=2x", "weight=nan",
                             "weight=inf", "weight= 2", "weight=\xff\x00"})
        EXPECT_THAT(why_not(at("10.0.0.1", 80, {text})), HasSubstr("not a number from 0 to 1000000")) << text;
}

TEST(Announcement, IsNoBackendWithoutAnAddressThatCanBeUsed) {
    EXPECT_THAT(why_not(at("fe80::1")), HasSubstr("fe80::1 is of one link only"));
    EXPECT_THAT(why_not(at("127.0.0.1")), HasSubstr("127.0.0.1 is not the address of a backend"));
    EXPECT_THAT(why_not(at("::1")), HasSubstr("is not the address of a backend"));
    EXPECT_THAT(why_not(at("10.0.0.1", 0)), HasSubstr("port 0"));
    EXPECT_EQ(why_not(at("169.254.0.1")), "it is one");
}

TEST(Announcement, KeepsItsTagsInBounds) {
    std::string tags = "tag=a\nb";
    for (int i = 0; i < 100; ++i) tags += ",t";
    auto found = read_announced(at("10.0.0.1", 80, {tags}));
    ASSERT_TRUE(found);
    EXPECT_THAT(found->tags, SizeIs(16));
    EXPECT_EQ(found->tags[0], "a\\x0ab");
}

TEST_F(ZeroconfServicesTest, AreSettledWhenAllAreThereAndResolvedOrGivenUp) {
    EXPECT_FALSE(services_.settled());
    services_.take(Appeared{id("a")});
    services_.take(Appeared{id("b")});
    services_.take(AllForNow{});
    EXPECT_FALSE(services_.settled());
    services_.take(Resolved{id("a"), at("10.0.0.1")});
    EXPECT_FALSE(services_.settled());
    services_.take(Resolved{id("b"), fail("Timeout reached")});
    EXPECT_TRUE(services_.settled());
    auto set = services_.set();
    EXPECT_THAT(set.members, ElementsAre(backend("10.0.0.1")));
    EXPECT_THAT(set.refused, ElementsAre("b: Timeout reached"));
}

TEST_F(ZeroconfServicesTest, AreSettledWithoutOneThatVanishesUnresolved) {
    services_.take(Appeared{id("a")});
    services_.take(AllForNow{});
    services_.take(Vanished{id("a")});
    EXPECT_TRUE(services_.settled());
    EXPECT_EQ(services_.set(), Set{});
}

TEST_F(ZeroconfServicesTest, CountABackendOnceUntilItsLastNameIsGone) {
    add(id("new"), at("10.0.0.1"));
    add(id("old"), at("10.0.0.1"));
    add(id("old", 0, 3), at("10.0.0.1"));
    EXPECT_THAT(members(), ElementsAre(backend("10.0.0.1")));
    services_.take(Vanished{id("new")});
    services_.take(Vanished{id("old")});
    EXPECT_THAT(members(), ElementsAre(backend("10.0.0.1")));
    services_.take(Vanished{id("old", 0, 3)});
    EXPECT_THAT(members(), IsEmpty());
}

TEST_F(ZeroconfServicesTest, KeepABackendThatCameFirstWhenASecondNameGoes) {
    add(id("a"), at("10.0.0.1"));
    add(id("b"), at("10.0.0.1"));
    services_.take(Vanished{id("b")});
    EXPECT_THAT(members(), ElementsAre(backend("10.0.0.1")));
}

TEST_F(ZeroconfServicesTest, TakeTheHighestWeightOfSeveralNames) {
    add(id("a"), at("10.0.0.1", 80, {"weight=2", "tag=x"}));
    add(id("b"), at("10.0.0.1", 80, {"weight=5", "tag=y,x"}));
    EXPECT_THAT(members(), ElementsAre(Found{ip("10.0.0.1"), net::Port(80), 5, 0, {"x", "y"}}));
    services_.take(Vanished{id("b")});
    EXPECT_THAT(members(), ElementsAre(Found{ip("10.0.0.1"), net::Port(80), 2, 0, {"x"}}));
}

TEST_F(ZeroconfServicesTest, HaveEachAddressAndEachPort) {
    add(id("a", 0), at("10.0.0.1"));
    add(id("a", 1), at("2001:db8::1"));
    add(id("b", 0), at("10.0.0.1", 81));
    EXPECT_THAT(members(), ElementsAre(backend("10.0.0.1"), backend("10.0.0.1", 81), backend("2001:db8::1")));
}

TEST_F(ZeroconfServicesTest, FollowChangesAndLeaveNothingBehind) {
    add(id("a"), at("10.0.0.1"));
    services_.take(Resolved{id("a"), at("10.0.0.2", 81, {"weight=3"})});
    EXPECT_THAT(members(), ElementsAre(backend("10.0.0.2", 81, 3)));
    services_.take(Resolved{id("a"), fail("Timeout reached")});
    EXPECT_THAT(members(), IsEmpty());
    services_.take(Resolved{id("a"), at("10.0.0.2")});
    EXPECT_THAT(members(), ElementsAre(backend("10.0.0.2")));
}

TEST_F(ZeroconfServicesTest, DoNotTakeAnAnswerForOneThatHasVanished) {
    add(id("a"), at("10.0.0.1"));
    services_.take(Vanished{id("a")});
    services_.take(Resolved{id("a"), at("10.0.0.1")});
    EXPECT_EQ(services_.set(), Set{});
}

TEST_F(ZeroconfServicesTest, RefuseALinkLocalAddressOnlyWhereThereIsNoOther) {
    add(id("a", 0), at("10.0.0.1"));
    add(id("a", 1), at("fe80::1"));
    add(id("b", 1), at("fe80::2"));
    add(id("b", 1, 3), at("fe80::2"));
    auto set = services_.set();
    EXPECT_THAT(set.members, ElementsAre(backend("10.0.0.1")));
    EXPECT_THAT(set.refused, ElementsAre(HasSubstr("b: fe80::2 is of one link only")));
}

TEST_F(ZeroconfServicesTest, RefuseGarbageAndKeepTheOthers) {
    add(id("a"), at("10.0.0.1"));
    add(id("b\n\xff"), at("10.0.0.2", 80, {"weight=much"}));
    auto set = services_.set();
    EXPECT_THAT(set.members, ElementsAre(backend("10.0.0.1")));
    EXPECT_THAT(set.refused,
                ElementsAre("b\\x0a\\xff: its 'weight' is 'much', not a number from 0 to 1000000"));
}

TEST_F(ZeroconfServicesTest, AreNoMoreThanASetTakes) {
    for (size_t i = 0; i <= 2 * kMostMembers; ++i)
        add(id(std::to_string(i)), at(fmt::format("10.{}.{}.{}", i >> 16, i >> 8 & 255, i & 255)));
    auto set = services_.set();
    EXPECT_THAT(set.members, SizeIs(kMostMembers));
    EXPECT_THAT(set.refused, ElementsAre(HasSubstr("more than 65536")));
}

}  // namespace
}  // namespace weir::discovery
