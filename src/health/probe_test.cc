#include "health/probe.h"

#include <gmock/gmock.h>
#include <linux/filter.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>
#include <filesystem>

#include "health/connection.h"
#include "health/probe_fixture.h"

namespace weir::health {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

size_t open_descriptors() {
    size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) count++;
    return count;
}

TEST_F(Probe, PassesOnceConnectedAndClosesByReset) {
    serve([this](tcp::socket& client) { return wait_for_close(client, client_end_); });
    auto before = std::chrono::system_clock::now();
    auto outcome = run(tcp_);
    EXPECT_TRUE(outcome.ok);
    EXPECT_EQ(outcome.message, "L4OK");
    EXPECT_EQ(outcome.latency, 0us);
    EXPECT_GE(outcome.at, before);
    EXPECT_TRUE(clock_.run_until([this] { return client_end_.has_value(); }));
    EXPECT_EQ(client_end_, asio::error::connection_reset);
}

TEST_F(Probe, ReachesIpv6) {
    serve([this](tcp::socket& client) { return wait_for_close(client, client_end_); }, "::1");
    EXPECT_EQ(message(tcp_), "L4OK");
}

TEST_F(Probe, SaysThatTheBackendRefuses) {
    listen();
    acceptor_.reset();
    for (const auto& check : {tcp_, http()}) {
        auto outcome = run(check);
        EXPECT_FALSE(outcome.ok);
        EXPECT_EQ(outcome.message, "L4CON: connection refused");
    }
}

TEST_F(Probe, SaysWhyThereIsNoWay) {
    path_.refusal = Error{"192.0.2.10 has no MAC address yet"};
    auto outcome = run(tcp_);
    EXPECT_FALSE(outcome.ok);
    EXPECT_EQ(outcome.message, "L4CON: 192.0.2.10 has no MAC address yet");
}

TEST_F(Probe, DoesNotBlameTheBackendForWhatThisHostLacks) {
    path_.refusal = net::NoPassage(Error{"cannot open a socket: Too many open files"}, true);
    run(tcp_);
    EXPECT_EQ(not_probed_, "cannot open a socket: Too many open files");
    using namespace boost::system::errc;
    for (auto lack : {address_not_available, no_buffer_space}) EXPECT_TRUE(is_ours(make_error_code(lack)));
    for (auto fault : {connection_refused, host_unreachable}) EXPECT_FALSE(is_ours(make_error_code(fault)));
}

TEST_F(Probe, GivesUpWhenNobodyAnswersTheHandshake) {
    listen();
    sock_filter nothing_passes{BPF_RET | BPF_K, 0, 0, 0};
    sock_fprog program{1, &nothing_passes};
    ASSERT_EQ(setsockopt(acceptor_->native_handle(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program),
              0);
    for (const auto& check : {tcp_, http()}) {
        clock_.silence();
        auto outcome = run(check);
        EXPECT_FALSE(outcome.ok);
        EXPECT_EQ(outcome.message, "L4TOUT");
        EXPECT_EQ(outcome.latency, check.timeout);
    }
}

TEST_F(Probe, AsksTheCheckPortOrElseTheServices) {
    path_.refusal = Error{"no way"};
    auto check = tcp_;
    run(check);
    EXPECT_EQ(path_.asked.text(), "192.0.2.1:80");
    check.port = net::Port(8080);
    run(check);
    EXPECT_EQ(path_.asked.text(), "192.0.2.1:8080");
}

TEST_F(Probe, SendsAGetForThePathOnTheVip) {
    answer("HTTP/1.1 200 OK\r\n\r\n");
    auto outcome = run(http({.path = "/alive?deep=1"}));
    EXPECT_TRUE(outcome.ok);
    EXPECT_EQ(outcome.message, "L7OK/200");
    EXPECT_EQ(outcome.latency, kThought);
    EXPECT_EQ(request_,
              "GET /alive?deep=1 HTTP/1.1\r\nHost: 192.0.2.1\r\nUser-Agent: weir-check\r\nAccept: */*\r\n"
              "Connection: close\r\n\r\n");
}

struct HostRow {
    const char* vip;
    uint16_t port;
    const char* configured;
    const char* expected;
};

void PrintTo(const HostRow& row, std::ostream* out) {
    *out << row.expected;
}

class ProbeHost : public Probe, public testing::WithParamInterface<HostRow> {};

TEST_P(ProbeHost, IsTheConfiguredOneOrTheVip) {
    const auto& row = GetParam();
    target_.frontend.vip = *net::Ip::parse(row.vip);
    target_.frontend.port = net::Port(row.port);
    answer("HTTP/1.1 200 OK\r\n\r\n");
    run(http({.host = row.configured}));
    EXPECT_THAT(request_, HasSubstr(std::string("\r\nHost: ") + row.expected + "\r\n"));
}

INSTANTIATE_TEST_SUITE_P(Rows, ProbeHost,
                         testing::Values(HostRow{"192.0.2.1", 80, "", "192.0.2.1"},
                                         HostRow{"192.0.2.1", 8080, "", "192.0.2.1:8080"},
                                         HostRow{"2001:db8::1", 80, "", "[2001:db8::1]"},
                                         HostRow{"2001:db8::1", 443, "", "[2001:db8::1]:443"},
                                         HostRow{"192.0.2.1", 8080, "www.example.org", "www.example.org"}));

struct AnswerRow {
    const char* what;
    std::string answer;
    const char* message;
};

void PrintTo(const AnswerRow& row, std::ostream* out) {
    *out << row.what;
}

class ProbeAnswer : public Probe, public testing::WithParamInterface<AnswerRow> {};

TEST_P(ProbeAnswer, IsJudged) {
    const auto& row = GetParam();
    answer(row.answer);
    auto outcome = run(http({.expect = {{200, 204}, {301, 301}}}));
    EXPECT_THAT(outcome.message, StartsWith(row.message)) << row.what;
    EXPECT_EQ(outcome.ok, outcome.message.starts_with("L7OK/")) << row.what;
}

INSTANTIATE_TEST_SUITE_P(
    Rows, ProbeAnswer,
    testing::Values(
        AnswerRow{"in a range", "HTTP/1.1 204 No Content\r\n\r\n", "L7OK/204"},
        AnswerRow{"HTTP/1.0 is good enough", "HTTP/1.0 200 OK\r\n\r\n", "L7OK/200"},
        AnswerRow{"the body is not waited for", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nab",
                  "L7OK/200"},
        AnswerRow{"a chunked body", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
                  "L7OK/200"},
        AnswerRow{"interim answers come first",
                  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 "
                  "OK\r\n\r\n",
                  "L7OK/200"},
        AnswerRow{"a redirect is an answer", "HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\n\r\n",
                  "L7OK/301"},
        AnswerRow{"and not followed", "HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", "L7STS/302"},
        AnswerRow{"between the ranges", "HTTP/1.1 300 Choices\r\n\r\n", "L7STS/300"},
        AnswerRow{"unwell", "HTTP/1.1 503 Service Unavailable\r\n\r\n", "L7STS/503"},
        AnswerRow{"a large header", "HTTP/1.1 200 OK\r\nA: " + std::string(12000, 'a') + "\r\n\r\n",
                  "L7OK/200"},
        AnswerRow{"a huge header", "HTTP/1.1 200 OK\r\nA: " + std::string(20000, 'a') + "\r\n\r\n",
                  "L7RSP: header"},
        AnswerRow{"a first line without end", "HTTP/1.1 200 " + std::string(20000, 'a'), "L7RSP: header"},
        AnswerRow{"another protocol", "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "L7RSP: bad version"},
        AnswerRow{"another version", "HTTP/2.0 200 OK\r\n\r\n", "L7RSP: bad version"},
        AnswerRow{"no number", "HTTP/1.1 OK\r\n\r\n", "L7RSP: bad status"},
        AnswerRow{"bytes", std::string(64, '\0'), "L7RSP: bad version"}));

TEST_F(Probe, RefusesEndlessInterimAnswers) {
    std::string many;
    for (int i = 0; i < 2000; i++) many += "HTTP/1.1 100 Continue\r\n\r\n";
    answer(many);
    EXPECT_EQ(message(http()), "L7RSP: header longer than 16 KiB");
}

TEST_F(Probe, SaysThatTheServerClosedEarly) {
    for (std::string sent : {"", "HTTP/1.1 200 OK\r\nSer"}) {
        request_.clear();
        serve([this, sent](tcp::socket& client) -> asio::awaitable<void> {
            co_await read_request(client, request_);
            co_await asio::async_write(client, asio::buffer(sent), kAnswer);
        });
        EXPECT_EQ(message(http()), "L7RSP: connection closed before an answer") << sent;
    }
}

TEST_F(Probe, SaysThatTheServerResetTheConnection) {
    serve([this](tcp::socket& client) -> asio::awaitable<void> {
        co_await read_request(client, request_);
        client.set_option(asio::socket_base::linger(true, 0));
        client.close();
    });
    EXPECT_EQ(message(http()), "L7RSP: connection reset by peer");
}

TEST_F(Probe, GivesUpOnAServerThatNeverAnswers) {
    serve([this](tcp::socket& client) { return fall_silent(client); });
    auto outcome = run(http());
    EXPECT_FALSE(outcome.ok);
    EXPECT_EQ(outcome.message, "L7TOUT");
    EXPECT_EQ(outcome.latency, 5s);
}

TEST_F(Probe, GivesUpOnAServerThatKeepsItWaitingByteByByte) {
    serve([this](tcp::socket& client) -> asio::awaitable<void> {
        std::string drip = "HTTP/1.1 200 OK\r\nA: ";
        for (size_t i = 0;; i++) {
            auto byte = asio::buffer(i < drip.size() ? &drip[i] : "a", 1);
            auto [code, count] = co_await asio::async_write(client, byte, kAnswer);
            if (code) break;
            clock_.pass(5ms);
            co_await asio::post(context_, asio::use_awaitable);
        }
    });
    auto outcome = run(http());
    EXPECT_EQ(outcome.message, "L7TOUT");
    EXPECT_EQ(outcome.latency, 5s);
}

TEST_F(Probe, LeavesNothingBehindWhenCancelled) {
    serve([this](tcp::socket& client) { return wait_for_close(client, client_end_); });
    auto check = http();
    asio::cancellation_signal cancel;
    std::exception_ptr thrown;
    bool ended = false;
    asio::co_spawn(
        context_, probe(check, target_, path_, clock_),
        asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr error, const Result<Outcome>&) {
            thrown = error;
            ended = true;
        }));
    while (path_.opened == 0 || context_.poll_one() > 0) context_.run_one_for(10s);
    cancel.emit(asio::cancellation_type::terminal);
    while (!ended && context_.run_one_for(10s) > 0) {
    }
    ASSERT_TRUE(thrown);
    EXPECT_THROW(std::rethrow_exception(thrown), boost::system::system_error);
    EXPECT_EQ(path_.undone, 1);
    EXPECT_TRUE(path_.closed_before_undone);
}

TEST_F(Probe, LeaksNoDescriptors) {
    auto once = [this] {
        answer("HTTP/1.1 200 OK\r\n\r\n");
        EXPECT_EQ(message(http()), "L7OK/200");
        acceptor_.reset();
        EXPECT_EQ(message(http()), "L4CON: connection refused");
        while (context_.poll_one() > 0) {
        }
    };
    once();
    auto before = open_descriptors();
    for (int i = 0; i < 10; i++) once();
    EXPECT_LE(open_descriptors(), before + 1);  // the server's last client may be still there
}

}  // namespace
}  // namespace weir::health
