// Against a server on loopback that does what a test says with each connection.
#include "alert/webhook.h"

#include <gmock/gmock.h>

#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include "alert/chat.h"
#include "alert/sink_fixture.h"
#include "base/pem_fixture.h"
#include "net/answer.h"

namespace weir::alert {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using namespace std::chrono_literals;
using testing::HasSubstr;
using Request = http::request<http::string_body>;

class WebhookTest : public SinkTest {
  protected:
    using Behaviour = std::function<asio::awaitable<void>(tcp::socket&)>;

    std::string url(const std::string& scheme = "http", const std::string& host = "127.0.0.1") {
        return fmt::format("{}://{}:{}/hook?key=1", scheme, host, acceptor_.local_endpoint().port());
    }
    std::unique_ptr<Sink> sink(model::Webhook webhook = {}) {
        if (webhook.url.empty()) webhook.url = url();
        return webhook_sink(webhook, kSender, clock_);
    }

    void serve(Behaviour behaviour) {
        asio::co_spawn(context_, accept(std::move(behaviour)), asio::detached);
    }
    asio::awaitable<void> accept(Behaviour behaviour) {
        auto [code, client] = co_await acceptor_.async_accept(net::kAnswer);
        if (!code) co_await behaviour(client);
    }

    /// Answers one request, over `Stream`, a plain socket or TLS.
    template <class Stream>
    asio::awaitable<void> answer(Stream& stream, std::string text) {
        boost::beast::flat_buffer buffer;
        auto [code, count] = co_await http::async_read(stream, buffer, request_, net::kAnswer);
        EXPECT_FALSE(code) << code.message();
        auto bytes = asio::buffer(text);
        co_await asio::async_write(stream, bytes, net::kAnswer);
    }
    void serve_text(std::string text) {
        serve([this, text = std::move(text)](tcp::socket& client) { return answer(client, text); });
    }
    void serve_status(const std::string& status, const std::string& more = "") {
        serve_text(fmt::format("HTTP/1.1 {}\r\nContent-Length: 0\r\n{}\r\n", status, more));
    }
    /// By TLS, as the server of `certificate`.
    void serve_securely(const MadeCertificate& certificate) {
        tls_.use_certificate_chain(asio::buffer(certificate.certificate));
        tls_.use_private_key(asio::buffer(certificate.key), asio::ssl::context::pem);
        serve([this](tcp::socket& client) -> asio::awaitable<void> {
            asio::ssl::stream<tcp::socket&> stream(client, tls_);
            auto [code] = co_await stream.async_handshake(asio::ssl::stream_base::server, net::kAnswer);
            std::string text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
            if (!code) co_await answer(stream, text);
        });
    }

    tcp::acceptor acceptor_{context_, tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0)};
    asio::ssl::context tls_{asio::ssl::context::tls_server};
    Request request_;
};

TEST_F(WebhookTest, PostsTheMessage) {
    serve_status("200 OK");
    auto webhook = sink({url(), model::WebhookFormat::slack, {{"Authorization", "Bearer x"}}, {}});
    EXPECT_EQ(deliver(*webhook), Delivery{});
    EXPECT_EQ(request_.method(), http::verb::post);
    EXPECT_EQ(request_.target(), "/hook?key=1");
    EXPECT_EQ(request_[http::field::host], fmt::format("127.0.0.1:{}", acceptor_.local_endpoint().port()));
    EXPECT_EQ(request_[http::field::content_type], "application/json");
    EXPECT_EQ(request_[http::field::authorization], "Bearer x");
    EXPECT_EQ(request_[http::field::user_agent], "weir/0.1");
    EXPECT_EQ(request_.body(), body_of(message_of({down()}), kSender, model::WebhookFormat::slack));
}

TEST_F(WebhookTest, HasARootPathAndHeadersThatReplaceItsOwn) {
    serve_status("200 OK");
    auto port = acceptor_.local_endpoint().port();
    auto webhook = sink({fmt::format("http://127.0.0.1:{}?a=b", port), {}, {{"content-type", "text/x"}}, {}});
    EXPECT_EQ(deliver(*webhook), Delivery{});
    EXPECT_EQ(request_.target(), "/?a=b");
    EXPECT_EQ(request_.count(http::field::content_type), 1u);
    EXPECT_EQ(request_[http::field::content_type], "text/x");
}

TEST_F(WebhookTest, LooksTheNameUp) {
    serve_status("200 OK");
    auto webhook = sink({.url = url("http", "localhost")});
    EXPECT_EQ(deliver(*webhook), Delivery{});
    auto nowhere = sink({.url = "http://weir.invalid/secret"});
    auto delivery = deliver(*nowhere);
    EXPECT_THAT(delivery.failure, HasSubstr("cannot look 'weir.invalid' up: "));
    EXPECT_TRUE(delivery.again);
}

TEST_F(WebhookTest, SaysWhatTheServerSaid) {
    serve_status("503 Busy");
    auto webhook = sink();
    EXPECT_EQ(deliver(*webhook), (Delivery{"HTTP 503", true}));
    serve_status("429 Too Many Requests", "Retry-After: 7\r\n");
    EXPECT_EQ(deliver(*webhook), (Delivery{"HTTP 429", true, 7s}));
    serve_text("HTTP/1.1 400 Bad Request\r\n\r\ninvalid_payload");
    EXPECT_EQ(deliver(*webhook), (Delivery{"HTTP 400: invalid_payload", false}));
    serve_status("200 OK");
    EXPECT_EQ(deliver(*webhook), Delivery{});
}

TEST_F(WebhookTest, FailsWhereTheServerClosesWithoutAnAnswer) {
    serve_text("HTTP/1.1 200 OK\r\nContent-");
    auto webhook = sink();
    EXPECT_EQ(deliver(*webhook), (Delivery{"connection closed before an answer", true}));
}

TEST_F(WebhookTest, GivesASlowServerNoMoreThanItsTime) {
    std::optional<tcp::socket> kept;
    serve([&](tcp::socket& client) -> asio::awaitable<void> {
        kept = std::move(client);
        clock_.silence();
        co_return;
    });
    auto webhook = sink();
    auto began = clock_.now();
    auto delivery = deliver(*webhook);
    EXPECT_EQ(clock_.now() - began, 10s);
    EXPECT_EQ(delivery.failure, "no answer from 127.0.0.1: connection timed out");
    EXPECT_TRUE(delivery.again);
}

TEST_F(WebhookTest, FailsWhereNobodyListens) {
    auto webhook = sink();
    acceptor_.close();
    auto delivery = deliver(*webhook);
    EXPECT_THAT(delivery.failure, HasSubstr("cannot connect to 127.0.0.1 (127.0.0.1:"));
    EXPECT_THAT(delivery.failure, HasSubstr("connection refused"));
    EXPECT_TRUE(delivery.again);
}

TEST_F(WebhookTest, SpeaksTls) {
    auto own = make_certificate({.names = "IP:127.0.0.1"});
    serve_securely(own);
    auto webhook = sink({.url = url("https"), .tls = {.authorities = model::FileText(own.certificate)}});
    EXPECT_EQ(deliver(*webhook), Delivery{});
    EXPECT_EQ(request_.target(), "/hook?key=1");
}

TEST_F(WebhookTest, DoesNotTellAServerWhoseCertificateIsAnothers) {
    auto other = make_certificate({.names = "DNS:www.example.org"});
    serve_securely(other);
    auto webhook = sink({.url = url("https"), .tls = {.authorities = model::FileText(other.certificate)}});
    EXPECT_THAT(deliver(*webhook).failure,
                HasSubstr("certificate not accepted for 127.0.0.1: IP address mismatch"));
    EXPECT_EQ(request_.target(), "");
    serve_securely(other);
    auto trusting =
        sink({.url = url("https"),
              .tls = {.sni = "www.example.org", .authorities = model::FileText(other.certificate)}});
    EXPECT_EQ(deliver(*trusting), Delivery{});
}

}  // namespace
}  // namespace weir::alert
