// The kinds of checks that make no whole connection, with real peers on loopback.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <optional>

#include "base/fake_clock.h"
#include "health/probe.h"
#include "net/answer.h"

namespace weir::health {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp, asio::ip::udp;
using testing::StartsWith;
using namespace std::chrono_literals;

/// Leads to one local peer whatever the target.
class LocalPath : public Path {
  public:
    net::Opened open(const model::TargetKey&, net::Carrier carrier, net::Port) override {
        bool v4 = to.address.is_v4();
        int protocol = v4 ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6};
        if (refusal) return std::unexpected(*refusal);
        carriers.push_back(carrier);
        UniqueFd fd(::socket(v4 ? AF_INET : AF_INET6, type(carrier) | SOCK_NONBLOCK | SOCK_CLOEXEC,
                             carrier == net::Carrier::icmp ? protocol : 0));
        if (!fd) return fail_with(errno, "cannot open a socket");
        return net::Passage(std::move(fd), to, [this] { undone++; });
    }

    net::Endpoint to;
    std::optional<net::NoPassage> refusal;
    std::vector<net::Carrier> carriers;
    int undone = 0;

  private:
    static int type(net::Carrier carrier) {
        if (carrier == net::Carrier::icmp) return SOCK_RAW;
        return carrier == net::Carrier::tcp ? SOCK_STREAM : SOCK_DGRAM;
    }
};

class Carriers : public testing::Test {
  protected:
    Outcome run(model::Check::Kind kind) {
        std::optional<Outcome> outcome;
        model::Check check{.kind = std::move(kind), .timeout = kTimeout};
        asio::co_spawn(context_, probe(check, target_, path_, clock_),
                       [&](const std::exception_ptr& thrown, Result<Outcome> result) {
                           EXPECT_FALSE(thrown);
                           not_probed_ = result ? "" : result.error().message;
                           outcome = result.value_or(Outcome{});
                       });
        EXPECT_TRUE(clock_.run_until([&outcome] { return outcome.has_value(); })) << "the probe did not end";
        EXPECT_EQ(path_.undone, static_cast<int>(path_.carriers.size()));
        return outcome.value_or(Outcome{});
    }
    std::string message(model::Check::Kind kind) { return run(std::move(kind)).message; }

    /// A peer that takes datagrams; whoever is behind `answerer` answers with `answer`, if there is one.
    void serve(std::optional<std::string> answer, const char* address = "127.0.0.1") {
        peer_.emplace(context_, udp::endpoint(asio::ip::make_address(address), 0));
        path_.to = {*net::Ip::parse(address), net::Port(peer_->local_endpoint().port())};
        asio::co_spawn(context_, answer_one(std::move(answer)), asio::detached);
    }

    static constexpr auto kTimeout = 10s, kThought = 3s;
    asio::io_context context_;
    FakeClock clock_{context_};
    std::string not_probed_;
    LocalPath path_;
    model::TargetKey target_{{*net::Ip::parse("192.0.2.1"), net::Port(53), model::Protocol::udp},
                             *net::Ip::parse("192.0.2.10")};
    std::optional<udp::socket> peer_, answerer_;
    std::string asked_;

  private:
    asio::awaitable<void> answer_one(std::optional<std::string> answer) {
        char bytes[1024];
        udp::endpoint from;
        auto [code, count] = co_await peer_->async_receive_from(asio::buffer(bytes), from, net::kAnswer);
        if (code) co_return;
        asked_.assign(bytes, count);
        if (answer) clock_.pass(kThought);
        auto& socket = answerer_ ? *answerer_ : *peer_;
        if (answer) socket.send_to(asio::buffer(*answer), from);
        if (!answer || answerer_) clock_.silence();
    }
};

const model::UdpCheck kQuestion{.send = std::string("who\0?", 5), .expect = "b\nc"};

TEST_F(Carriers, UdpPassesWhereTheAnswerHasTheTextInIt) {
    for (const char* address : {"127.0.0.1", "::1"}) {
        serve("ab\ncd", address);
        auto outcome = run(kQuestion);
        EXPECT_TRUE(outcome.ok) << address;
        EXPECT_EQ(outcome.message, "L7OK");
        EXPECT_EQ(outcome.latency, kThought);
        EXPECT_EQ(asked_, kQuestion.send);
    }
    EXPECT_THAT(path_.carriers, testing::Each(net::Carrier::udp));
}

TEST_F(Carriers, UdpPassesWithAnyAnswerWhereNoneIsAskedFor) {
    for (const char* answer : {"", "anything"}) {
        serve(answer);
        EXPECT_EQ(message(model::UdpCheck{.send = "?"}), "L7OK") << answer;
    }
}

TEST_F(Carriers, UdpFailsWithAnotherAnswer) {
    for (const char* answer : {"", "b\n", "bc"}) {
        serve(answer);
        auto outcome = run(kQuestion);
        EXPECT_FALSE(outcome.ok);
        EXPECT_THAT(outcome.message, StartsWith("L7RSP: ")) << answer;
    }
}

TEST_F(Carriers, UdpGivesUpWithoutAnAnswer) {
    serve(std::nullopt);
    auto outcome = run(kQuestion);
    EXPECT_FALSE(outcome.ok);
    EXPECT_EQ(outcome.message, "L7TOUT");
    EXPECT_EQ(outcome.latency, kTimeout);
}

TEST_F(Carriers, UdpTakesNoAnswerFromAnybodyElse) {
    answerer_.emplace(context_, udp::endpoint(asio::ip::make_address("127.0.0.1"), 0));
    serve("ab\ncd");
    EXPECT_EQ(message(kQuestion), "L7TOUT");
    EXPECT_EQ(asked_, kQuestion.send);
}

TEST_F(Carriers, UdpSaysThatNobodyListens) {
    for (const char* address : {"127.0.0.1", "::1"}) {
        udp::socket gone(context_, udp::endpoint(asio::ip::make_address(address), 0));
        path_.to = {*net::Ip::parse(address), net::Port(gone.local_endpoint().port())};
        gone.close();
        EXPECT_EQ(message(kQuestion), "L4CON: connection refused");
    }
}

TEST_F(Carriers, SayWhyThereIsNoWay) {
    path_.refusal = Error{"192.0.2.10 has no MAC address yet"};
    for (const model::Check::Kind& kind :
         {model::Check::Kind(kQuestion), model::Check::Kind(model::IcmpCheck{}),
          model::Check::Kind(model::SynCheck{})})
        EXPECT_EQ(message(kind), "L4CON: 192.0.2.10 has no MAC address yet");
}

TEST_F(Carriers, DoNotBlameTheBackendForWhatThisHostLacks) {
    path_.refusal = net::NoPassage(Error{"cannot open a socket: Too many open files"}, true);
    for (const model::Check::Kind& kind :
         {model::Check::Kind(kQuestion), model::Check::Kind(model::IcmpCheck{}),
          model::Check::Kind(model::SynCheck{}), model::Check::Kind(model::TcpCheck{})}) {
        EXPECT_EQ(message(kind), "");
        EXPECT_EQ(not_probed_, "cannot open a socket: Too many open files");
    }
}

TEST_F(Carriers, IcmpPassesWithAReply) {
    if (geteuid() != 0) GTEST_SKIP() << "needs root for a raw socket";
    for (const char* address : {"127.0.0.1", "::1"}) {
        path_.to = {*net::Ip::parse(address), net::Port(4711)};
        auto outcome = run(model::IcmpCheck{});
        EXPECT_TRUE(outcome.ok) << address;
        EXPECT_EQ(outcome.message, "L4OK");
    }
    EXPECT_THAT(path_.carriers, testing::Each(net::Carrier::icmp));
}

/// What a server has to accept after a check: whether there is something.
class HalfOpen : public Carriers, public testing::WithParamInterface<const char*> {
  protected:
    bool leaves_a_connection(model::Check::Kind kind) {
        auto outcome = run(std::move(kind));
        EXPECT_TRUE(outcome.ok);
        EXPECT_EQ(outcome.message, "L4OK");
        boost::system::error_code code;
        tcp::socket client(context_);
        acceptor_->accept(client, code);
        return !code;
    }
    void SetUp() override {
        acceptor_.emplace(context_, tcp::endpoint(asio::ip::make_address(GetParam()), 0));
        acceptor_->non_blocking(true);
        path_.to = {*net::Ip::parse(GetParam()), net::Port(acceptor_->local_endpoint().port())};
    }

    std::optional<tcp::acceptor> acceptor_;
};

TEST_P(HalfOpen, LeavesNothingToAccept) {
    EXPECT_TRUE(leaves_a_connection(model::TcpCheck{})) << "the whole handshake does";
    // A machine that is so busy that a probe rests for 200 ms lets a handshake through; not one after the
    // other.
    int let_through = 0;
    while (let_through < 5 && leaves_a_connection(model::SynCheck{})) let_through++;
    EXPECT_LT(let_through, 5);
}

TEST_P(HalfOpen, SaysThatTheBackendRefuses) {
    acceptor_.reset();
    EXPECT_EQ(message(model::SynCheck{}), "L4CON: connection refused");
}

INSTANTIATE_TEST_SUITE_P(Families, HalfOpen, testing::Values("127.0.0.1", "::1"),
                         [](const auto& row) { return row.param[0] == ':' ? "v6" : "v4"; });

}  // namespace
}  // namespace weir::health
