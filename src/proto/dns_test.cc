#include "proto/dns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/dns_fixture.h"

namespace weir::proto {
namespace {

using testing::ElementsAre;
using Bytes = DnsReply::Bytes;

const DnsQuestion kQuestion{"www.example.org", "A"};
constexpr uint16_t kId = 0xbeef;

Bytes question(const DnsQuestion& of = kQuestion) {
    auto written = write_dns_question(of, kId);
    EXPECT_TRUE(written);
    return written.value_or(Bytes(12));
}

std::string failure_of(const Bytes& message, uint16_t id = kId) {
    auto read = read_dns_answer(message, kQuestion, id);
    return read ? "" : read.error().message;
}

TEST(Dns, AsksInTheFormOfRfc1035) {
    Bytes wanted{0xbe, 0xef, 1,   0,   0,   1,   0,   0, 0,   0,   0,   0, 3, 'w', 'w', 'w', 7,
                 'e',  'x',  'a', 'm', 'p', 'l', 'e', 3, 'o', 'r', 'g', 0, 0, 1,   0,   1};
    EXPECT_EQ(question(), wanted);
    EXPECT_EQ(question({"www.example.org.", "A"}), wanted);
}

TEST(Dns, CannotAskForWhatIsNoName) {
    for (const auto& name : {std::string(), std::string("a..b"), std::string(64, 'a'), std::string(".a")})
        EXPECT_FALSE(write_dns_question({name, "A"}, kId)) << name;
    EXPECT_FALSE(write_dns_question({"a", "AXFR"}, kId));
}

TEST(Dns, ReadsAddresses) {
    auto answer = read_dns_answer(DnsReply(question()).add(1, {192, 0, 2, 1}).add(1, {192, 0, 2, 2}).bytes(),
                                  kQuestion, kId);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->rcode, "NOERROR");
    EXPECT_FALSE(answer->truncated);
    EXPECT_THAT(answer->records, ElementsAre("192.0.2.1", "192.0.2.2"));
}

struct RecordRow {
    const char* type;
    uint16_t number;
    Bytes data;
    const char* text;
};

void PrintTo(const RecordRow& row, std::ostream* out) {
    *out << row.type;
}

class DnsRecord : public testing::TestWithParam<RecordRow> {};

TEST_P(DnsRecord, IsReadAsText) {
    const auto& row = GetParam();
    DnsQuestion asked{"example.org", row.type};
    auto answer = read_dns_answer(DnsReply(question(asked)).add(row.number, row.data).bytes(), asked, kId);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_THAT(answer->records, ElementsAre(row.text));
}

/// Every beginning of the data is too short, and nothing is read behind it.
TEST_P(DnsRecord, ThatIsCutIsBroken) {
    const auto& row = GetParam();
    DnsQuestion asked{"example.org", row.type};
    for (size_t size = 1; size < row.data.size(); size++) {
        Bytes cut(row.data.begin(), row.data.begin() + static_cast<long>(size));
        auto answer = read_dns_answer(DnsReply(question(asked)).add(row.number, cut).bytes(), asked, kId);
        ASSERT_FALSE(answer) << size;
        EXPECT_EQ(answer.error().message, "record 1 is broken");
    }
}

Bytes name(std::string_view dotted) {
    return DnsReply::name(dotted);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, DnsRecord,
    testing::Values(
        RecordRow{"A", 1, {192, 0, 2, 1}, "192.0.2.1"},
        RecordRow{"AAAA", 28, {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, "2001:db8::1"},
        RecordRow{"NS", 2, name("NS.Example.org"), "ns.example.org"},
        RecordRow{"CNAME", 5, name("other.example"), "other.example"},
        RecordRow{"PTR", 12, {0xc0, 0x0c}, "example.org"},
        RecordRow{"MX", 15, DnsReply::join({0, 10}, name("mail.example.org")), "10 mail.example.org"},
        RecordRow{"SRV", 33, DnsReply::join({0, 0, 0, 5, 1, 0xbb}, name("host.example.org")),
                  "0 5 443 host.example.org"},
        RecordRow{"TXT", 16, {3, 'a', 'b', 'c'}, "abc"}));

TEST(Dns, TakesThePrimaryServerOfAnAuthority) {
    DnsQuestion asked{"example.org", "SOA"};
    auto data = DnsReply::join(name("ns.example.org"), name("root.example.org"));
    data.resize(data.size() + 20);
    auto answer = read_dns_answer(DnsReply(question(asked)).add(6, data).bytes(), asked, kId);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_THAT(answer->records, ElementsAre("ns.example.org"));
}

TEST(Dns, JoinsTheStringsOfAText) {
    DnsQuestion asked{"example.org", "TXT"};
    auto answer =
        read_dns_answer(DnsReply(question(asked)).add(16, {1, 'a', 0, 2, 'b', 'c'}).bytes(), asked, kId);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_THAT(answer->records, ElementsAre("abc"));
}

TEST(Dns, LeavesRecordsOfOtherTypesOut) {
    auto reply = DnsReply(question()).add(5, name("other.example")).add(1, {192, 0, 2, 1}).bytes();
    auto answer = read_dns_answer(reply, kQuestion, kId);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_THAT(answer->records, ElementsAre("192.0.2.1"));
}

TEST(Dns, HoldsAsLongAsItsShortestRecord) {
    auto reply = DnsReply(question()).add(1, {192, 0, 2, 1}, 60).add(1, {192, 0, 2, 2}, 30).bytes();
    EXPECT_EQ(read_dns_answer(reply, kQuestion, kId)->ttl, 30u);
    auto alias = DnsReply(question()).add(5, name("b.example"), 5).add_of("b.example", 1, {192, 0, 2, 1}, 60);
    EXPECT_EQ(read_dns_answer(alias.bytes(), kQuestion, kId)->ttl, 5u);
    auto huge = DnsReply(question()).add(1, {192, 0, 2, 1}, 0x80000000).bytes();
    EXPECT_EQ(read_dns_answer(huge, kQuestion, kId)->ttl, 0u);
}

TEST(Dns, FollowsTheAliasesInAnAnswerToTheirEnd) {
    auto reply = DnsReply(question()).add_of("B.example", 5, name("c.example")).add(5, name("b.example"));
    EXPECT_EQ(read_dns_answer(reply.bytes(), kQuestion, kId)->alias, "c.example");
    auto loop = DnsReply(question()).add(5, name("b.example")).add_of("b.example", 5, name("b.example"));
    EXPECT_EQ(read_dns_answer(loop.bytes(), kQuestion, kId)->alias, "b.example");
    auto others = DnsReply(question()).add_of("x.example", 5, name("y.example"));
    EXPECT_EQ(read_dns_answer(others.bytes(), kQuestion, kId)->alias, "");
}

TEST(Dns, HoldsAnAbsenceAsLongAsItsAuthoritySays) {
    for (uint8_t rcode : {0, 3}) {
        auto reply = DnsReply(question(), rcode).with_authority().add_authority(6, DnsReply::soa(20), 60);
        auto answer = read_dns_answer(reply.bytes(), kQuestion, kId);
        ASSERT_TRUE(answer) << answer.error().message;
        EXPECT_EQ(answer->ttl, 20u);
        EXPECT_TRUE(answer->final);
    }
    auto short_lived = DnsReply(question()).with_authority().add_authority(6, DnsReply::soa(20), 7);
    EXPECT_EQ(read_dns_answer(short_lived.bytes(), kQuestion, kId)->ttl, 7u);
    auto silent = DnsReply(question()).with_authority();
    EXPECT_EQ(read_dns_answer(silent.bytes(), kQuestion, kId)->ttl, std::nullopt);
    auto broken = DnsReply(question()).add_authority(6, {0, 0, 1});
    EXPECT_EQ(failure_of(broken.bytes()), "authority 1 is broken");
}

TEST(Dns, KnowsThatAServerLeavesTheAnswerToOthers) {
    auto is_final = [](const Bytes& reply) {
        auto answer = read_dns_answer(reply, kQuestion, kId);
        return answer && answer->final;
    };
    EXPECT_TRUE(is_final(DnsReply(question()).with_authority().bytes()));
    EXPECT_FALSE(is_final(DnsReply(question()).bytes())) << "it neither has the say nor asks";
    EXPECT_FALSE(is_final(DnsReply(question(), 3).bytes()));
    EXPECT_FALSE(is_final(DnsReply(question()).with_authority().add_authority(2, name("ns.sub")).bytes()));
    EXPECT_FALSE(is_final(DnsReply(question()).with_authority().add(5, name("b.example")).bytes()));
    EXPECT_TRUE(is_final(DnsReply(question()).add(1, {192, 0, 2, 1}).bytes()));
    auto recursive = DnsReply(question()).bytes();
    recursive[3] |= 0x80;
    EXPECT_TRUE(is_final(recursive));
}

TEST(Dns, ReadsCodesWithAndWithoutTheQuestion) {
    EXPECT_EQ(read_dns_answer(DnsReply(question(), 3).bytes(), kQuestion, kId)->rcode, "NXDOMAIN");
    EXPECT_EQ(read_dns_answer(DnsReply(question(), 9).bytes(), kQuestion, kId)->rcode, "RCODE9");
    Bytes refused{0xbe, 0xef, 0x80, 5, 0, 0, 0, 0, 0, 0, 0, 0};
    EXPECT_EQ(read_dns_answer(refused, kQuestion, kId)->rcode, "REFUSED");
    refused[3] = 0;
    EXPECT_EQ(failure_of(refused), "the answer to another question");
}

TEST(Dns, SeesThatAnAnswerIsTruncatedWhereverItIsCut) {
    auto reply = DnsReply(question()).add(1, {192, 0, 2, 1}).bytes();
    reply[2] |= 2;
    for (size_t size = 12; size <= reply.size(); size++) {
        auto answer = read_dns_answer(std::span(reply).first(size), kQuestion, kId);
        ASSERT_TRUE(answer);
        EXPECT_TRUE(answer->truncated);
    }
}

TEST(Dns, RefusesWhatIsNoAnswerToItsQuestion) {
    EXPECT_EQ(failure_of({}), "0 bytes are not a DNS message");
    EXPECT_EQ(failure_of(question()), "a question and not an answer");
    auto good = DnsReply(question()).add(1, {192, 0, 2, 1}).bytes();
    EXPECT_EQ(failure_of(good), "");
    EXPECT_EQ(failure_of(good, kId + 1), "an answer with another id");
    EXPECT_EQ(failure_of(DnsReply(question({"example.org", "A"})).bytes()), "the answer to another question");
    EXPECT_EQ(failure_of(DnsReply(question({"www.example.org", "NS"})).bytes()),
              "the answer to another question");
    EXPECT_EQ(failure_of(DnsReply(question({"WWW.example.ORG", "A"})).bytes()), "");
    for (size_t size = 12; size < good.size(); size++)
        EXPECT_NE(failure_of(Bytes(good.begin(), good.begin() + static_cast<long>(size))), "") << size;
}

TEST(Dns, RefusesANameThatPointsAtItself) {
    auto reply = DnsReply(question()).bytes();
    reply[12] = 0xc0;
    reply[13] = 0x0c;
    EXPECT_EQ(failure_of(reply), "not a DNS message");
}

}  // namespace
}  // namespace weir::proto
