// The source `dns` against name servers on loopback that say what they are told to.
#include <gmock/gmock.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "discovery/cares.h"
#include "discovery/kinds.h"
#include "discovery/source_fixture.h"
#include "net/answer.h"
#include "proto/dns_fixture.h"

namespace weir::discovery {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::ip::udp;
using proto::DnsReply;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;
using Bytes = DnsReply::Bytes;
using namespace std::chrono_literals;

constexpr uint16_t kA = 1, kCname = 5, kNs = 2, kSoa = 6, kAaaa = 28, kSrv = 33;
constexpr uint8_t kServfail = 2, kNxdomain = 3;

struct Question {
    Bytes bytes;       // the message, without EDNS
    std::string name;  // with its type, such as "www.example.org A"
    bool tcp = false;
};

Question read_question(const Bytes& message) {
    Question question;
    size_t at = 12;
    while (at < message.size() && message[at] != 0) {
        question.name.append(message.begin() + static_cast<long>(at) + 1,
                             message.begin() + static_cast<long>(at) + 1 + message[at]);
        question.name += '.';
        at += message[at] + 1u;
    }
    question.name.pop_back();
    question.bytes.assign(message.begin(), message.begin() + static_cast<long>(at) + 5);
    question.bytes[10] = question.bytes[11] = 0;
    auto type = question.bytes[at + 2];
    question.name += type == kA ? " A" : type == kAaaa ? " AAAA" : type == kSrv ? " SRV" : " ?";
    return question;
}

/// One name server, by UDP and TCP.
class Server {
  public:
    using Answer = std::function<Bytes(const Question&)>;  // empty: none

    Server(asio::io_context& context, Answer answer)
        : answer_(std::move(answer)),
          tcp_(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
          udp_(context, udp::endpoint(asio::ip::address_v4::loopback(), tcp_.local_endpoint().port())) {
        asio::co_spawn(context, serve_udp(), asio::detached);
        asio::co_spawn(context, serve_tcp(), asio::detached);
    }

    std::string address() const { return fmt::format("127.0.0.1:{}", udp_.local_endpoint().port()); }
    void close() {
        udp_.close();
        tcp_.close();
    }
    size_t asked(const std::string& what) const {
        return static_cast<size_t>(std::ranges::count(asked_, what, &Question::name));
    }
    const std::vector<Question>& asked() const { return asked_; }

  private:
    asio::awaitable<void> serve_udp() {
        for (;;) {
            Bytes message(4096);
            udp::endpoint client;
            auto [code, size] = co_await udp_.async_receive_from(asio::buffer(message), client, net::kAnswer);
            if (code) co_return;
            message.resize(size);
            auto reply = answer(message, false);
            if (!reply.empty()) co_await udp_.async_send_to(asio::buffer(reply), client, net::kAnswer);
        }
    }
    asio::awaitable<void> serve_tcp() {
        for (;;) {
            auto [code, client] = co_await tcp_.async_accept(net::kAnswer);
            if (code) co_return;
            asio::co_spawn(tcp_.get_executor(), converse(std::move(client)), asio::detached);
        }
    }
    asio::awaitable<void> converse(tcp::socket client) {
        for (;;) {
            Bytes length(2);
            auto [none, had] = co_await asio::async_read(client, asio::buffer(length), net::kAnswer);
            if (none) co_return;
            Bytes message(static_cast<size_t>(length[0] << 8 | length[1]));
            co_await asio::async_read(client, asio::buffer(message), net::kAnswer);
            auto reply = answer(message, true);
            Bytes front{static_cast<uint8_t>(reply.size() >> 8), static_cast<uint8_t>(reply.size())};
            co_await asio::async_write(client, asio::buffer(DnsReply::join(front, reply)), net::kAnswer);
        }
    }
    Bytes answer(const Bytes& message, bool by_tcp) {
        asked_.push_back(read_question(message));
        asked_.back().tcp = by_tcp;
        return answer_(asked_.back());
    }

    Answer answer_;
    tcp::acceptor tcp_;  // first: many more ports of TCP are taken than of UDP
    udp::socket udp_;
    std::vector<Question> asked_;
};

Bytes nothing(const Question& question, uint8_t rcode = 0) {
    return DnsReply(question.bytes, rcode).with_authority().add_authority(kSoa, DnsReply::soa(60)).bytes();
}

Bytes srv(uint8_t priority, uint8_t weight, std::string_view target) {
    return DnsReply::join({0, priority, 0, weight, 0, 80}, DnsReply::name(target));
}

Bytes address(uint8_t last) {
    return {192, 0, 2, last};
}

class DnsSource : public SourceTest {
  protected:
    /// What answers to www.example.org A, and nothing else.
    Server::Answer only_www(std::function<Bytes(const Question&)> www) {
        return [www = std::move(www)](const Question& question) {
            return question.name == "www.example.org A" ? www(question) : nothing(question);
        };
    }
    model::SourceSpec spec(const std::vector<Server*>& servers, std::string name = "www.example.org") {
        std::vector<std::string> addresses;
        for (const auto* server : servers) addresses.push_back(server->address());
        return {"dns", {{"name", std::move(name)}, {"servers", addresses}}};
    }
    model::SourceSpec srv_spec(Server& server) {
        auto spec = this->spec({&server}, "_http._tcp.example.org");
        spec.settings["type"] = int64_t{3};
        return spec;
    }
    void make(const model::SourceSpec& spec) { ASSERT_TRUE(SourceTest::make(dns_kind(), spec)); }
};

TEST_F(DnsSource, FindsTheAddressesOfBothFamilies) {
    Server server(context_, [](const Question& question) {
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
    Server server(context_, [](const Question& question) {
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
    Server server(context_, [&](const Question& question) {
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
    Server server(context_, [&](const Question& question) { return nothing(question, rcode); });
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
    Server server(context_, [&](const Question& question) {
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
    Server server(context_, [](const Question& question) {
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
    Server server(context_, [](const Question& question) {
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
    Server server(
        context_, only_www([&](const Question& question) {
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
    Server server(context_, [](const Question& question) {
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

TEST_F(DnsSource, AsksByTcpForWhatIsTruncated) {
    constexpr int kMany = 600;
    Server server(context_, only_www([&](const Question& question) {
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
    Server server(context_, only_www([](const Question& question) {
                      return DnsReply(question.bytes).add(kA, address(1)).bytes();
                  }));
    auto by_tcp = spec({&server});
    by_tcp.settings["tcp"] = int64_t{1};
    make(by_tcp);
    ASSERT_TRUE(hears_set(1)) << testing::PrintToString(heard_.failures);
    for (const auto& question : server.asked()) EXPECT_TRUE(question.tcp);
}

TEST_F(DnsSource, FindsWhatServiceRecordsPointAt) {
    Server server(context_, [](const Question& question) {
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
    Server server(context_, [](const Question& question) {
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
    Server server(context_, [](const Question& question) {
        if (!question.name.ends_with("SRV")) return nothing(question, kNxdomain);
        return DnsReply(question.bytes).add(kSrv, srv(0, 1, "a.example.org")).bytes();
    });
    make(srv_spec(server));
    ASSERT_TRUE(hears_failure(1));
    EXPECT_EQ(heard_.failures[0], "_http._tcp.example.org: a.example.org:80: it has no address");
    EXPECT_THAT(heard_.sets, IsEmpty());
}

/// Or loopback, where that names none (resolv.conf(5)).
TEST_F(DnsSource, KnowsTheSystemsServers) {
    auto cares = Cares::open(context_.get_executor(), clock_, {});
    ASSERT_TRUE(cares);
    EXPECT_THAT((*cares)->servers(), testing::Not(IsEmpty()));
}

TEST_F(DnsSource, AsksForManyTargets) {
    constexpr uint8_t kMany = 200;
    Server server(context_, [](const Question& question) {
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

TEST_F(DnsSource, LooksInItsSearchDomainsInTheirOrder) {
    Server server(context_, [](const Question& question) {
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

TEST_F(DnsSource, AsksTheNextServerWhenOneFails) {
    auto good = [](const Question& question) {
        return question.name.ends_with(" A") ? DnsReply(question.bytes).add(kA, address(1)).bytes()
                                             : nothing(question);
    };
    Server closed(context_, good),
        ill(context_, [](const Question& question) { return DnsReply(question.bytes, kServfail).bytes(); }),
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
    Server server(context_, [&](const Question& question) {
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
    Server server(context_, [&](const Question& question) {
        auto reply = DnsReply(question.bytes).add(kA, address(1)).bytes();
        reply.resize(reply.size() - 2);
        return reply;
    });
    make(spec({&server}));
    ASSERT_TRUE(hears_failure(1));
    EXPECT_THAT(heard_.sets, IsEmpty());
}

TEST_F(DnsSource, SaysNothingOnceItIsGone) {
    Server server(context_, [&](const Question&) {
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

/// c-ares counts in the machine's time.
TEST_F(DnsSource, GivesUpOnAServerThatIsSilent) {
    Server server(context_, [](const Question&) { return Bytes(); });
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
