// The source `dns`: service records and what they point at.
#include "discovery/dns_fixture.h"

namespace weir::discovery {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Bytes srv(uint8_t priority, uint8_t weight, std::string_view target) {
    return DnsReply::join({0, priority, 0, weight, 0, 80}, DnsReply::name(target));
}

TEST_F(DnsSource, FindsWhatServiceRecordsPointAt) {
    NameServer server(context_, [](const DnsAsked& question) {
        DnsReply reply(question.bytes);
        reply.with_authority();
        if (question.name == "_http._tcp.example.org SRV")
            return reply.add(kSrv, srv(0, 3, "a.example.org"), 50)
                .add(kSrv, srv(0, 1, "b.example.org"))
                .add(kSrv, srv(5, 0, "c.example.org"))
                .add(kSrv, srv(0, 1, "gone.example.org"))
                .bytes();
        if (question.name == "a.example.org A") return reply.add(kA, address(1)).bytes();
        if (question.name == "b.example.org A") return reply.add(kA, address(2), 8).bytes();
        if (question.name == "c.example.org A") return reply.add(kA, address(3)).bytes();
        return nothing(question, question.name.starts_with("gone") ? kNxdomain : 0);
    });
    make(srv_spec(server));
    ASSERT_TRUE(hears_set(1)) << testing::PrintToString(heard_.failures);
    const auto& set = heard_.sets[0];
    ASSERT_EQ(set.members.size(), 3u);
    EXPECT_EQ(set.members[0], (Found{*net::Ip::parse("192.0.2.1"), net::Port(80), 3, 0}));
    EXPECT_EQ(set.members[1], (Found{*net::Ip::parse("192.0.2.2"), net::Port(80), 1, 0}));
    EXPECT_EQ(set.members[2], (Found{*net::Ip::parse("192.0.2.3"), net::Port(80), 1, 5}));
    EXPECT_THAT(set.refused, ElementsAre("gone.example.org:80: it has no address"));
    clock_.move(8s);
    EXPECT_TRUE(hears_set(2)) << "b's address holds for eight seconds";
}

TEST_F(DnsSource, HasNoHalfSetWhenOneTargetIsUnknown) {
    NameServer server(context_, [](const DnsAsked& question) {
        DnsReply reply(question.bytes);
        if (question.name.ends_with("SRV"))
            return reply.add(kSrv, srv(0, 1, "a.example.org")).add(kSrv, srv(0, 1, "b.example.org")).bytes();
        if (question.name == "a.example.org A") return reply.add(kA, address(1)).bytes();
        return question.name.starts_with("b") ? DnsReply(question.bytes, kServfail).bytes()
                                              : nothing(question);
    });
    make(srv_spec(server));
    ASSERT_TRUE(hears_failure(1));
    EXPECT_THAT(heard_.failures[0], HasSubstr("b.example.org"));
    EXPECT_THAT(heard_.sets, IsEmpty());
}

TEST_F(DnsSource, FailsWhereNoTargetHasAnAddress) {
    NameServer server(context_, [](const DnsAsked& question) {
        if (!question.name.ends_with("SRV")) return nothing(question, kNxdomain);
        return DnsReply(question.bytes).add(kSrv, srv(0, 1, "a.example.org")).bytes();
    });
    make(srv_spec(server));
    ASSERT_TRUE(hears_failure(1));
    EXPECT_EQ(heard_.failures[0], "_http._tcp.example.org: a.example.org:80: it has no address");
    EXPECT_THAT(heard_.sets, IsEmpty());
}

TEST_F(DnsSource, AsksForManyTargets) {
    constexpr uint8_t kMany = 200;
    NameServer server(context_, [](const DnsAsked& question) {
        DnsReply reply(question.bytes);
        if (question.name.ends_with("SRV")) {
            if (!question.tcp) {
                reply.bytes()[2] |= 2;
                return reply.bytes();
            }
            for (int i = 0; i < kMany; i++) reply.add(kSrv, srv(0, 1, fmt::format("{}.example.org", i)));
            return reply.bytes();
        }
        if (!question.name.ends_with(" A")) return nothing(question);
        return reply.add(kA, address(static_cast<uint8_t>(std::stoi(question.name)))).bytes();
    });
    make(srv_spec(server));
    ASSERT_TRUE(hears_set(1)) << testing::PrintToString(heard_.failures);
    EXPECT_EQ(heard_.sets[0].members.size(), size_t{kMany});
    EXPECT_THAT(heard_.sets[0].refused, IsEmpty());
}

}  // namespace
}  // namespace weir::discovery
