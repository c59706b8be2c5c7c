// What is said to servers and waited for from them: HTTP's requests and bodies, and a few bytes over TCP.
#include <gmock/gmock.h>

#include "health/probe_fixture.h"

namespace weir::health {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class Exchange : public Probe {
  protected:
    /// Answers with `text`, and closes.
    void answer_and_close(std::string text) {
        serve([this, text = std::move(text)](tcp::socket& client) -> asio::awaitable<void> {
            co_await read_request(client, request_);
            co_await asio::async_write(client, asio::buffer(text), kAnswer);
        });
    }

    /// Answers with `text` once the client has sent `wanted`.
    void converse(std::string wanted, std::string text) {
        serve([this, wanted = std::move(wanted),
               text = std::move(text)](tcp::socket& client) -> asio::awaitable<void> {
            request_.resize(wanted.size());
            co_await asio::async_read(client, asio::buffer(request_), kAnswer);
            co_await asio::async_write(client, asio::buffer(text), kAnswer);
            co_await fall_silent(client);
        });
    }

    model::Check tcp(std::string send, std::string expect) {
        return {.kind = model::TcpCheck{std::move(send), std::move(expect)}, .timeout = 5s};
    }
};

TEST_F(Exchange, SendsTheMethodAndHeadersThatAreConfigured) {
    answer("HTTP/1.1 200 OK\r\n\r\n");
    run(http({.path = "*", .method = model::HttpMethod::options, .headers = {{"X-Check", "weir"}}}));
    EXPECT_THAT(request_, StartsWith("OPTIONS * HTTP/1.1\r\nHost: 192.0.2.1\r\nUser-Agent: weir-check\r\n"));
    EXPECT_THAT(request_, EndsWith("\r\nX-Check: weir\r\nConnection: close\r\n\r\n"));
}

TEST_F(Exchange, LetsConfiguredHeadersTakeThePlaceOfItsOwn) {
    answer("HTTP/1.1 200 OK\r\n\r\n");
    run(http({.headers = {{"user-agent", "probe/1"}}}));
    EXPECT_THAT(request_, HasSubstr("\r\nuser-agent: probe/1\r\n"));
    EXPECT_THAT(request_, Not(HasSubstr("weir-check")));
}

TEST_F(Exchange, WaitsForNoBodyOfAnAnswerToHead) {
    answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    EXPECT_EQ(message(http({.method = model::HttpMethod::head})), "L7OK/200");
    EXPECT_THAT(request_, StartsWith("HEAD / HTTP/1.1\r\n"));
}

struct BodyRow {
    const char* what;
    std::string answer;
    std::string message;
    bool closes = false;
};

void PrintTo(const BodyRow& row, std::ostream* out) {
    *out << row.what;
}

class ExchangeBody : public Exchange, public testing::WithParamInterface<BodyRow> {};

TEST_P(ExchangeBody, IsSearched) {
    const auto& row = GetParam();
    row.closes ? answer_and_close(row.answer) : answer(row.answer);
    auto outcome = run(http({.body = "all is well"}));
    EXPECT_EQ(outcome.message, row.message);
    EXPECT_EQ(outcome.ok, row.message == "L7OK/200");
}

std::string chunk(const std::string& text) {
    return fmt::format("{:x}\r\n{}\r\n", text.size(), text);
}

const std::string kChunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const std::string kMissing = "L7RSP: body does not contain 'all is well'";

INSTANTIATE_TEST_SUITE_P(
    Rows, ExchangeBody,
    testing::Values(
        BodyRow{"of a length", "HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\nhere all is well", "L7OK/200"},
        BodyRow{"of another text", "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\nnothing is well", kMissing},
        BodyRow{"that is empty", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", kMissing},
        BodyRow{"in chunks that cut the text", kChunked + chunk("all ") + chunk("is well") + "0\r\n\r\n",
                "L7OK/200"},
        BodyRow{"up to the end of the connection", "HTTP/1.1 200 OK\r\n\r\nall is well", "L7OK/200", true},
        BodyRow{"that is cut off", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nall is well",
                "L7RSP: connection closed within the body", true},
        BodyRow{"that is cut off between chunks", kChunked + chunk("all is well"),
                "L7RSP: connection closed within the body", true},
        BodyRow{"of which 64 KiB suffice",
                "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nall is well" + std::string(65536, '.'),
                "L7OK/200"},
        BodyRow{"behind 64 KiB",
                "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + std::string(65536, '.') +
                    "all is well",
                kMissing},
        BodyRow{"of a wrong status is not waited for", "HTTP/1.1 503 No\r\nContent-Length: 99\r\n\r\n",
                "L7STS/503"},
        BodyRow{"behind an interim answer",
                "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nall is well",
                "L7OK/200"},
        BodyRow{"with a broken chunk", kChunked + "zz\r\n", "L7RSP: bad chunk"}));

TEST_F(Exchange, GivesUpOnABodyThatDoesNotEnd) {
    answer("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nall is well");
    EXPECT_EQ(message(http({.body = "all is well"})), "L7TOUT");
}

TEST_F(Exchange, SaysItsTextAndFindsTheAnswer) {
    converse("PING\r\n", "ok +PONG\r\n");
    auto outcome = run(tcp("PING\r\n", "+PONG"));
    EXPECT_TRUE(outcome.ok);
    EXPECT_EQ(outcome.message, "L7OK");
    EXPECT_EQ(request_, "PING\r\n");
}

TEST_F(Exchange, FindsABannerWithoutAWord) {
    converse("", "220 mail.example.org ESMTP\r\n");
    EXPECT_EQ(message(tcp("", "220 ")), "L7OK");
}

TEST_F(Exchange, SaysWhatCameInstead) {
    converse("PING", "-ERR unknown\r\n");
    EXPECT_EQ(message(tcp("PING", "+PONG")), "L7TOUT: only '-ERR unknown\\r\\n' came");
}

TEST_F(Exchange, SaysThatNothingCame) {
    converse("PING", "");
    EXPECT_EQ(message(tcp("PING", "+PONG")), "L7TOUT");
}

TEST_F(Exchange, SaysThatTheServerWentAway) {
    serve([](tcp::socket&) -> asio::awaitable<void> { co_return; });
    EXPECT_EQ(message(tcp("", "+PONG")), "L7RSP: connection closed before an answer");
    serve([](tcp::socket& client) -> asio::awaitable<void> {
        co_await asio::async_write(client, asio::buffer("\x01\xff", 2), kAnswer);
    });
    EXPECT_EQ(message(tcp("", "+PONG")), "L7RSP: only '\\x01\\xff' came");
}

TEST_F(Exchange, LooksAtTheFirst4KiBOnly) {
    converse("", std::string(4096, '.') + "+PONG");
    EXPECT_EQ(message(tcp("", "+PONG")), "L7RSP: no '+PONG' in the first 4 KiB");
    converse("", std::string(4091, '.') + "+PONG");
    EXPECT_EQ(message(tcp("", "+PONG")), "L7OK");
}

}  // namespace
}  // namespace weir::health
