// DNS probes against a server on loopback, by UDP and by TCP.
#include <gmock/gmock.h>

#include <boost/asio/ip/udp.hpp>
#include <set>

#include "health/probe_fixture.h"
#include "proto/dns_fixture.h"

namespace weir::health {
namespace {

using asio::ip::udp;
using proto::DnsReply;
using testing::StartsWith;
using Bytes = DnsReply::Bytes;

class DnsProbe : public Probe {
  protected:
    using Answer = std::function<Bytes(const Bytes& question)>;

    /// Answers one question by UDP; an empty answer is none.
    void answer_by_udp(Answer answer, const char* address = "127.0.0.1") {
        server_.emplace(context_, udp::endpoint(asio::ip::make_address(address), 0));
        path_.to = {*net::Ip::parse(address), net::Port(server_->local_endpoint().port())};
        asio::co_spawn(context_, answer_one(&*server_, std::move(answer)), asio::detached);
    }

    /// The same by TCP. `cut` so many bytes short.
    void answer_by_tcp(Answer answer, size_t cut = 0) {
        serve([answer = std::move(answer), cut](tcp::socket& client) -> asio::awaitable<void> {
            Bytes length(2);
            co_await asio::async_read(client, asio::buffer(length), kAnswer);
            Bytes question(static_cast<size_t>(length[0] << 8 | length[1]));
            co_await asio::async_read(client, asio::buffer(question), kAnswer);
            auto message = answer(question);
            message.insert(message.begin(),
                           {static_cast<uint8_t>(message.size() >> 8), static_cast<uint8_t>(message.size())});
            message.resize(message.size() - cut);
            co_await asio::async_write(client, asio::buffer(message), kAnswer);
        });
    }

    model::Check dns(model::DnsCheck kind) { return {.kind = std::move(kind), .timeout = 5s}; }

    const model::DnsCheck kWww{.name = "www.example.org"};
    std::optional<udp::socket> server_;

  private:
    asio::awaitable<void> answer_one(udp::socket* server, Answer answer) {
        Bytes question(512);
        udp::endpoint client;
        auto [code, size] = co_await server->async_receive_from(asio::buffer(question), client, kAnswer);
        if (code) co_return;
        question.resize(size);
        auto message = answer(question);
        if (!message.empty())
            co_await server->async_send_to(asio::buffer(message), client, kAnswer);
        else
            clock_.silence();
    }
};

Bytes two_addresses(const Bytes& question) {
    return DnsReply(question).add(1, {192, 0, 2, 1}).add(1, {192, 0, 2, 2}).bytes();
}

TEST_F(DnsProbe, PassesWithAnyRecordOfItsType) {
    answer_by_udp(two_addresses);
    auto outcome = run(dns(kWww));
    EXPECT_TRUE(outcome.ok);
    EXPECT_EQ(outcome.message, "L7OK/NOERROR");
}

TEST_F(DnsProbe, ReachesIpv6) {
    answer_by_udp(two_addresses, "::1");
    EXPECT_EQ(message(dns(kWww)), "L7OK/NOERROR");
}

TEST_F(DnsProbe, AsksByTcpToo) {
    auto check = kWww;
    check.over_tcp = true;
    answer_by_tcp(two_addresses);
    EXPECT_EQ(message(dns(check)), "L7OK/NOERROR");
    answer_by_tcp(two_addresses, 1);
    EXPECT_EQ(message(dns(check)), "L7RSP: connection closed before an answer");
    acceptor_.reset();
    EXPECT_EQ(message(dns(check)), "L4CON: connection refused");
}

TEST_F(DnsProbe, LooksForTheExpectedRecord) {
    auto check = kWww;
    check.expect = "192.0.2.2";
    answer_by_udp(two_addresses);
    EXPECT_EQ(message(dns(check)), "L7OK/NOERROR");
    check.expect = "192.0.2.3";
    answer_by_udp(two_addresses);
    EXPECT_EQ(message(dns(check)), "L7RSP: '192.0.2.3' is not in the answer, but '192.0.2.1' and others");
}

TEST_F(DnsProbe, NeedsARecordUnlessAnotherCodeIsExpected) {
    answer_by_udp([](const Bytes& question) { return DnsReply(question).bytes(); });
    EXPECT_EQ(message(dns(kWww)), "L7RSP: no A record in the answer");
    auto absent = [](const Bytes& question) { return DnsReply(question, 3).bytes(); };
    answer_by_udp(absent);
    EXPECT_EQ(message(dns(kWww)), "L7STS/NXDOMAIN");
    auto check = kWww;
    check.rcode = "NXDOMAIN";
    answer_by_udp(absent);
    EXPECT_EQ(message(dns(check)), "L7OK/NXDOMAIN");
    answer_by_udp(two_addresses);
    EXPECT_EQ(message(dns(check)), "L7STS/NOERROR");
}

TEST_F(DnsProbe, SaysThatAnAnswerIsTruncated) {
    answer_by_udp([](const Bytes& question) {
        auto reply = DnsReply(question).bytes();
        reply[2] |= 2;
        return reply;
    });
    EXPECT_EQ(message(dns(kWww)), "L7RSP: answer truncated; ask over tcp");
}

TEST_F(DnsProbe, RefusesGarbage) {
    answer_by_udp([](const Bytes&) { return Bytes(64, 0xff); });
    EXPECT_THAT(message(dns(kWww)), StartsWith("L7RSP: "));
    answer_by_udp([](const Bytes&) { return Bytes{'o', 'k'}; });
    EXPECT_EQ(message(dns(kWww)), "L7RSP: 2 bytes are not a DNS message");
    answer_by_udp([](const Bytes& question) {
        auto reply = two_addresses(question);
        reply[0] ^= 1;
        return reply;
    });
    EXPECT_EQ(message(dns(kWww)), "L7RSP: an answer with another id");
    answer_by_udp([](const Bytes& question) {
        auto reply = two_addresses(question);
        reply.resize(reply.size() - 1);
        return reply;
    });
    EXPECT_THAT(message(dns(kWww)), StartsWith("L7RSP: "));
}

TEST_F(DnsProbe, GivesUpOnAServerThatIsSilent) {
    answer_by_udp([](const Bytes&) { return Bytes(); });
    EXPECT_EQ(message(dns(kWww)), "L7TOUT");
}

TEST_F(DnsProbe, SaysThatNobodyListens) {
    answer_by_udp(two_addresses);
    server_.reset();
    EXPECT_EQ(message(dns(kWww)), "L4CON: connection refused");
}

TEST_F(DnsProbe, ChoosesAnotherIdEachTime) {
    std::set<std::pair<uint8_t, uint8_t>> ids;
    for (int i = 0; i < 8; i++) {
        answer_by_udp([&ids](const Bytes& question) {
            ids.emplace(question[0], question[1]);
            return two_addresses(question);
        });
        run(dns(kWww));
    }
    EXPECT_GT(ids.size(), 4u);
}

}  // namespace
}  // namespace weir::health
