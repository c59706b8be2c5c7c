// The source `dns` and its name servers: how it asks them, and what comes of those that fail.
#include "discovery/cares.h"
#include "discovery/dns_fixture.h"

namespace weir::discovery {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(DnsSource, AsksByTcpForWhatIsTruncated) {
    constexpr int kMany = 600;
    NameServer server(context_, only_www([&](const DnsAsked& question) {
                          DnsReply reply(question.bytes);
                          if (!question.tcp) {
                              reply.bytes()[2] |= 2;
                              return reply.bytes();
                          }
                          for (int i = 0; i < kMany; i++)
                              reply.add(kA, {10, 0, static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i)});
                          return reply.bytes();
                      }));
    make(spec({&server}));
    ASSERT_TRUE(hears_set(1)) << testing::PrintToString(heard_.failures);
    EXPECT_EQ(heard_.sets[0].members.size(), size_t{kMany});
}

TEST_F(DnsSource, AsksByTcpOnlyWhenItIsToldTo) {
    NameServer server(context_, only_www([](const DnsAsked& question) {
                          return DnsReply(question.bytes).add(kA, address(1)).bytes();
                      }));
    auto by_tcp = spec({&server});
    by_tcp.settings["tcp"] = int64_t{1};
    make(by_tcp);
    ASSERT_TRUE(hears_set(1)) << testing::PrintToString(heard_.failures);
    for (const auto& question : server.asked()) EXPECT_TRUE(question.tcp);
}

/// Or loopback, where that names none (resolv.conf(5)).
TEST_F(DnsSource, KnowsTheSystemsServers) {
    auto cares = Cares::open(context_.get_executor(), clock_, {});
    ASSERT_TRUE(cares);
    EXPECT_THAT((*cares)->servers(), testing::Not(IsEmpty()));
}

TEST_F(DnsSource, AsksTheNextServerWhenOneFails) {
    auto good = [](const DnsAsked& question) {
        return question.name.ends_with(" A") ? DnsReply(question.bytes).add(kA, address(1)).bytes()
                                             : nothing(question);
    };
    NameServer closed(context_, good),
        ill(context_, [](const DnsAsked& question) { return DnsReply(question.bytes, kServfail).bytes(); }),
        well(context_, good);
    auto three = spec({&closed, &ill, &well});
    closed.close();
    make(three);
    ASSERT_TRUE(hears_set(1)) << testing::PrintToString(heard_.failures);
    EXPECT_THAT(heard_.addresses(), ElementsAre("192.0.2.1"));
    EXPECT_GT(ill.asked().size(), 0u);
    well.close();
    clock_.move(60s);
    ASSERT_TRUE(hears_failure(1));
    EXPECT_THAT(heard_.failures[0], HasSubstr("cannot be reached; "));
    EXPECT_THAT(heard_.failures[0], HasSubstr("SERVFAIL"));
}

TEST_F(DnsSource, TriesAgainLaterAndLaterAndSaysAFailureOnce) {
    std::vector<Clock::Time> asked;
    NameServer server(context_, [&](const DnsAsked& question) {
        asked.push_back(clock_.now());
        return DnsReply(question.bytes, kServfail).bytes();
    });
    auto one = spec({&server});
    one.settings["type"] = int64_t{1};
    make(one);
    constexpr auto kStep = 20ms;
    for (Clock::Duration span{}; span < 2min; span += kStep) clock_.move(kStep);
    std::vector<Clock::Duration> pauses{1s, 2s, 4s, 8s, 16s, 30s, 30s};
    ASSERT_GT(asked.size(), pauses.size());
    for (size_t i = 0; i < pauses.size(); i++) {
        EXPECT_GE(asked[i + 1] - asked[i], pauses[i] * 3 / 4 - kStep) << i;
        EXPECT_LE(asked[i + 1] - asked[i], pauses[i] + 2 * kStep) << i;
    }
    EXPECT_EQ(heard_.failures.size(), 1u);
}

TEST_F(DnsSource, RefusesGarbage) {
    Bytes garbage;
    NameServer server(context_, [&](const DnsAsked& question) {
        auto reply = DnsReply(question.bytes).add(kA, address(1)).bytes();
        reply.resize(reply.size() - 2);
        return reply;
    });
    make(spec({&server}));
    ASSERT_TRUE(hears_failure(1));
    EXPECT_THAT(heard_.sets, IsEmpty());
}

/// c-ares counts in the machine's time.
TEST_F(DnsSource, GivesUpOnAServerThatIsSilent) {
    NameServer server(context_, [](const DnsAsked&) { return Bytes(); });
    SystemClock clock(context_.get_executor());
    auto hasty = spec({&server});
    hasty.settings["timeout"] = 100ms;
    source_ = dns_kind().make({context_.get_executor(), clock}, hasty, heard_);
    context_.restart();
    while (heard_.failures.empty() && context_.run_one_for(30s) > 0) continue;
    ASSERT_EQ(heard_.failures.size(), 1u);
    EXPECT_THAT(heard_.failures[0], HasSubstr(server.address() + ": no answer"));
    EXPECT_EQ(server.asked("www.example.org A"), 2u);
}

}  // namespace
}  // namespace weir::discovery
