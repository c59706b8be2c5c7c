// The source `dns`: what it makes of names, and when it asks again.
#include "discovery/dns_fixture.h"

namespace weir::discovery {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

TEST_F(DnsSource, FindsTheAddressesOfBothFamilies) {
    NameServer server(context_, [](const DnsAsked& question) {
        DnsReply reply(question.bytes);
        if (question.name.ends_with(" A")) return reply.add(kA, address(1)).add(kA, address(2)).bytes();
        return reply.add(kAaaa, {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}).bytes();
    });
    auto with_port = spec({&server});
    with_port.settings["port"] = int64_t{8080};
    make(with_port);
    ASSERT_TRUE(hears_set(1)) << testing::PrintToString(heard_.failures);
    EXPECT_THAT(heard_.addresses(), ElementsAre("192.0.2.1", "192.0.2.2", "2001:db8::1"));
    for (const auto& member : heard_.sets[0].members) EXPECT_EQ(member.port, net::Port(8080));
}

TEST_F(DnsSource, AsksForOneFamilyOnly) {
    NameServer server(context_, [](const DnsAsked& question) {
        return DnsReply(question.bytes).add(kA, address(1)).bytes();
    });
    auto one = spec({&server});
    one.settings["type"] = int64_t{1};
    make(one);
    ASSERT_TRUE(hears_set(1));
    EXPECT_EQ(server.asked("www.example.org A"), 1u);
    EXPECT_EQ(server.asked("www.example.org AAAA"), 0u);
}

TEST_F(DnsSource, HasNoHalfSetWhenOneFamilyFails) {
    bool well = false;
    NameServer server(context_, [&](const DnsAsked& question) {
        if (question.name.ends_with(" A")) return DnsReply(question.bytes).add(kA, address(1)).bytes();
        return well ? nothing(question) : DnsReply(question.bytes, kServfail).bytes();
    });
    make(spec({&server}));
    ASSERT_TRUE(hears_failure(1));
    EXPECT_EQ(heard_.failures[0], "AAAA www.example.org from " + server.address() + ": SERVFAIL");
    EXPECT_THAT(heard_.sets, IsEmpty());
    well = true;
    clock_.move(1s);
    ASSERT_TRUE(hears_set(1));
    EXPECT_THAT(heard_.addresses(), ElementsAre("192.0.2.1"));
}

TEST_F(DnsSource, FindsAnEmptySetWhereThereIsNothing) {
    uint8_t rcode = kNxdomain;
    NameServer server(context_, [&](const DnsAsked& question) { return nothing(question, rcode); });
    make(spec({&server}));
    ASSERT_TRUE(hears_set(1));
    EXPECT_EQ(heard_.sets[0], Set());
    rcode = 0;
    clock_.move(60s);
    ASSERT_TRUE(hears_set(2));
    EXPECT_EQ(heard_.sets[1], Set());
    EXPECT_THAT(heard_.failures, IsEmpty());
}

TEST_F(DnsSource, FailsWhereTheServerKnowsNothingOfTheName) {
    int state = 0;
    NameServer server(context_, [&](const DnsAsked& question) {
        DnsReply reply(question.bytes);
        if (state == 0) return reply.add_authority(kNs, DnsReply::name("ns.sub.example.org")).bytes();
        if (state == 1) return DnsReply(question.bytes, 5).bytes();
        return reply.bytes();
    });
    make(spec({&server}));
    ASSERT_TRUE(hears_failure(1));
    EXPECT_THAT(heard_.failures[0], HasSubstr("nor asks others"));
    state = 1;
    clock_.move(1s);
    ASSERT_TRUE(hears_failure(2));
    EXPECT_THAT(heard_.failures[1], HasSubstr("REFUSED"));
    state = 2;
    clock_.move(2s);
    ASSERT_TRUE(hears_failure(3)) << "an empty answer of one who has no say";
    EXPECT_THAT(heard_.sets, IsEmpty());
}

TEST_F(DnsSource, FollowsAliasesThatTheServerLeavesOpen) {
    NameServer server(context_, [](const DnsAsked& question) {
        DnsReply reply(question.bytes);
        reply.with_authority();
        if (question.name.starts_with("www")) return reply.add(kCname, DnsReply::name("a.other"), 7).bytes();
        if (question.name == "a.other A") return reply.add(kA, address(9), 300).bytes();
        return nothing(question);
    });
    make(spec({&server}));
    ASSERT_TRUE(hears_set(1)) << testing::PrintToString(heard_.failures);
    EXPECT_THAT(heard_.addresses(), ElementsAre("192.0.2.9"));
    clock_.move(7s - 1ms);
    clock_.settle();
    EXPECT_EQ(server.asked("www.example.org A"), 1u);
    clock_.move(1ms);
    ASSERT_TRUE(hears_set(2)) << "the alias holds for seven seconds only";
}

TEST_F(DnsSource, GivesUpOnAliasesWithoutEnd) {
    NameServer server(context_, [](const DnsAsked& question) {
        return DnsReply(question.bytes)
            .with_authority()
            .add(kCname, DnsReply::name("www.example.org"))
            .bytes();
    });
    make(spec({&server}));
    ASSERT_TRUE(hears_failure(1));
    EXPECT_THAT(heard_.failures[0], HasSubstr("more than 8 aliases"));
}

TEST_F(DnsSource, AsksAgainWhenTheLowestTtlIsOver) {
    uint32_t ttl = 40;
    NameServer server(
        context_, only_www([&](const DnsAsked& question) {
            return DnsReply(question.bytes).add(kA, address(1), 90).add(kA, address(2), ttl).bytes();
        }));
    make(spec({&server}));
    ASSERT_TRUE(hears_set(1));
    clock_.move(40s - 1ms);
    clock_.settle();
    EXPECT_EQ(heard_.sets.size(), 1u);
    EXPECT_EQ(server.asked("www.example.org A"), 1u);
    ttl = 0;
    clock_.move(1ms);
    ASSERT_TRUE(hears_set(2));
    clock_.move(999ms);
    EXPECT_EQ(server.asked("www.example.org A"), 2u) << "not sooner than in a second";
    clock_.move(1ms);
    ASSERT_TRUE(hears_set(3));
}

TEST_F(DnsSource, AsksAgainInItsIntervalHoweverLongTheTtl) {
    NameServer server(context_, [](const DnsAsked& question) {
        return DnsReply(question.bytes)
            .add(question.name.ends_with(" A") ? kA : kCname,
                 question.name.ends_with(" A") ? address(1) : DnsReply::name("b.c"), 86400)
            .with_authority()
            .bytes();
    });
    auto often = spec({&server});
    often.settings["type"] = int64_t{1};
    often.settings["interval"] = 20'000ms;
    make(often);
    ASSERT_TRUE(hears_set(1));
    clock_.move(20s - 1ms);
    EXPECT_EQ(server.asked().size(), 1u);
    clock_.move(1ms);
    ASSERT_TRUE(hears_set(2));
}

TEST_F(DnsSource, LooksInItsSearchDomainsInTheirOrder) {
    NameServer server(context_, [](const DnsAsked& question) {
        if (question.name == "web.b.example A") return DnsReply(question.bytes).add(kA, address(4)).bytes();
        return nothing(question, kNxdomain);
    });
    auto searching = spec({&server}, "web");
    searching.settings["search"] = std::vector<std::string>{"a.example", "b.example", "c.example"};
    make(searching);
    ASSERT_TRUE(hears_set(1)) << testing::PrintToString(heard_.failures);
    EXPECT_THAT(heard_.addresses(), ElementsAre("192.0.2.4"));
    EXPECT_EQ(server.asked("web.a.example A"), 1u);
    EXPECT_EQ(server.asked("web.c.example A"), 0u);
    EXPECT_EQ(server.asked("web A"), 0u);
}

TEST_F(DnsSource, SaysNothingOnceItIsGone) {
    NameServer server(context_, [&](const DnsAsked&) {
        source_.reset();
        return Bytes();
    });
    make(spec({&server}));
    ASSERT_TRUE(clock_.run_until([&] { return !source_; }));
    clock_.settle();
    EXPECT_EQ(clock_.alarms(), 0u);
    make(spec({&server}));
    source_.reset();
    clock_.settle();
    EXPECT_THAT(heard_.sets, IsEmpty());
    EXPECT_THAT(heard_.failures, IsEmpty());
}

TEST_F(DnsSource, TakesOnlySettingsThatFit) {
    auto kind = dns_kind();
    auto with = [](const char* name, model::SourceSpec::Value value) {
        model::SourceSpec spec{"dns", {{"name", "www.example.org"}}};
        spec.settings[name] = std::move(value);
        return spec;
    };
    using Words = std::vector<std::string>;
    EXPECT_EQ(mistake(kind, with("name", "www.example.org.")), "");
    EXPECT_THAT(mistake(kind, with("name", "a..b")), HasSubstr("not a name"));
    EXPECT_THAT(mistake(kind, with("search", Words{"b..c"})), HasSubstr("not a name"));
    EXPECT_THAT(mistake(kind, with("search", Words(9, "b.c"))), StartsWith("more than 8 domains"));
    EXPECT_EQ(mistake(kind, with("servers", Words{"192.0.2.53", "[2001:db8::53]:5353", "2001:db8::53"})), "");
    EXPECT_THAT(mistake(kind, with("servers", Words{"ns.example.org"})), HasSubstr("is no name server"));
    auto both = with("type", int64_t{3});
    both.settings["port"] = int64_t{80};
    EXPECT_THAT(mistake(kind, both), HasSubstr("'port' beside 'type: srv'"));
}

}  // namespace
}  // namespace weir::discovery
