#include "discovery/http_client.h"

#include "discovery/web_fixture.h"

namespace weir::discovery {
namespace {

using testing::HasSubstr, testing::StartsWith;

TEST(HttpUrl, HasTheServerAndThePath) {
    auto url = HttpUrl::parse("https://www.example.org/a/b?c=d").value();
    EXPECT_EQ(url, (HttpUrl{true, "www.example.org", net::Port(443), "www.example.org", "/a/b?c=d"}));
    EXPECT_EQ(url.server(), "https://www.example.org");
    EXPECT_EQ(HttpUrl::parse("http://[2001:db8::1]:81").value(),
              (HttpUrl{false, "2001:db8::1", net::Port(81), "[2001:db8::1]:81", "/"}));
    EXPECT_EQ(HttpUrl::parse("http://h?a=b").value().target, "/?a=b");
}

TEST(HttpUrl, ThatIsNoneIsRefused) {
    const std::pair<const char*, const char*> cases[] = {
        {"", "is not a URL"},
        {"/path", "is not a URL"},
        {"ftp://h/", "is not a URL"},
        {"http://", "is not a URL"},
        {"http://h:0/", "is not a URL"},
        {"http://h:99999/", "is not a URL"},
        {"http://u:p@h/", "has a user"},
        {"http://h/#a", "has a fragment"},
        {"http://h/a b", "is not a URL"},
    };
    for (auto [text, why] : cases) {
        auto url = HttpUrl::parse(text);
        ASSERT_FALSE(url) << text;
        EXPECT_THAT(url.error().message, HasSubstr(why)) << text;
        EXPECT_THAT(url.error().message, testing::Not(HasSubstr(":p"))) << "a password is a secret";
    }
}

TEST(HttpUrl, EscapesWhatHasAMeaning) {
    EXPECT_EQ(escape_for_query("a-b_c.d~9"), "a-b_c.d~9");
    EXPECT_EQ(escape_for_query("a&b=c /\xc3\xa4"), "a%26b%3Dc%20%2F%C3%A4");
}

class HttpClientTest : public WebTest {
  protected:
    HttpClient& client(model::Tls* tls = nullptr, std::string_view scheme = "http") {
        if (!client_) client_.emplace(clock_, HttpUrl::parse(url(scheme)).value(), tls);
        return *client_;
    }
    Result<HttpAnswer> finish(asio::awaitable<Result<HttpAnswer>> work) {
        std::optional<Result<HttpAnswer>> result;
        asio::co_spawn(context_, std::move(work),
                       [&](const std::exception_ptr& thrown, Result<HttpAnswer> came) {
                           EXPECT_FALSE(thrown);
                           result = std::move(came);
                       });
        EXPECT_TRUE(run_until([&] { return result.has_value(); }));
        return result.value_or(fail("it did not end"));
    }
    Result<HttpAnswer> ask(const HttpRequest& request = {.target = "/"}) {
        return finish(client().ask(request, 10s));
    }
    std::string failure() {
        auto answer = ask();
        return answer ? "answered with " + answer->complaint() : answer.error().message;
    }
    Result<HttpAnswer> follow() {
        const HttpRequest request{.target = "/"};
        return finish(client().follow(request, 10s, 5s, take_));
    }

    std::optional<HttpClient> client_;
    std::string taken_;
    HttpClient::Take take_ = [this](std::string_view piece) {
        taken_ += piece;
        return Status();
    };
};

TEST_F(HttpClientTest, AsksOverOneConnection) {
    serve([](const Asked& asked, Talk& talk) -> asio::awaitable<void> {
        co_await talk.answer("to " + asked.body, "X-Index: 7\r\n");
    });
    auto first = ask({.target = "/a?b", .headers = {{"X-Token", "t"}}}).value();
    EXPECT_EQ(first.status, 200u);
    EXPECT_EQ(first.body, "to ");
    EXPECT_EQ(first.header("x-index"), "7");
    EXPECT_EQ(ask({.target = "/c", .body = "{}"}).value().body, "to {}");
    EXPECT_EQ(connections_, 1);
    ASSERT_EQ(asked_.size(), 2u);
    EXPECT_EQ(asked_[0].method, "GET");
    EXPECT_EQ(asked_[0].target, "/a?b");
    EXPECT_EQ(asked_[0].headers["host"], fmt::format("127.0.0.1:{}", port_));
    EXPECT_EQ(asked_[0].headers["x-token"], "t");
    EXPECT_EQ(asked_[1].method, "POST");
    EXPECT_EQ(asked_[1].headers["content-type"], "application/json");
}

TEST_F(HttpClientTest, AsksAgainWhereTheServerHasClosedMeanwhile) {
    serve([](const Asked&, Talk& talk) -> asio::awaitable<void> {
        co_await talk.answer("a");
        talk.close();
    });
    EXPECT_EQ(ask().value().body, "a");
    EXPECT_EQ(ask().value().body, "a");
    EXPECT_EQ(connections_, 2);
}

TEST_F(HttpClientTest, ReadsAnAnswerInPieces) {
    serve([](const Asked&, Talk& talk) -> asio::awaitable<void> {
        for (const char* piece :
             {"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHT", "TP/1.1 200 OK\r\nTransfer-",
              "Encoding: chunked\r\n\r\n3\r", "\nabc\r\n1;x=y\r\nd\r\n0\r\n\r\n"})
            co_await talk.say(piece);
    });
    EXPECT_EQ(ask().value().body, "abcd");
    EXPECT_EQ(ask().value().body, "abcd");
    EXPECT_EQ(connections_, 1);
}

TEST_F(HttpClientTest, ReadsToTheEndWhereNoLengthIsSaid) {
    serve([](const Asked&, Talk& talk) -> asio::awaitable<void> {
        co_await talk.say("HTTP/1.0 200 OK\r\n\r\nall of it");
        talk.close();
    });
    EXPECT_EQ(ask().value().body, "all of it");
}

TEST_F(HttpClientTest, SaysWhatIsWrongWithAnAnswer) {
    const std::pair<const char*, const char*> cases[] = {
        {"SSH-2.0-OpenSSH\r\n\r\n", "its answer is not HTTP"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 17000000\r\n\r\n", "larger than 16 MiB"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "closed the connection within its answer"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "is not HTTP"},
        {"", "it has closed the connection"},
    };
    for (auto [text, why] : cases) {
        client_.reset();
        serve([text = std::string(text)](const Asked&, Talk& talk) -> asio::awaitable<void> {
            co_await talk.say(text);
            talk.close();
        });
        EXPECT_THAT(failure(), testing::AllOf(StartsWith(url() + ": "), HasSubstr(why))) << text;
    }
}

TEST_F(HttpClientTest, StopsAtTheBoundOfWhatHasNoLength) {
    serve([](const Asked&, Talk& talk) -> asio::awaitable<void> {
        co_await talk.begin_chunks();
        for (bool is_open = true; is_open;) is_open = co_await talk.chunk(std::string(1 << 20, 'x'));
    });
    EXPECT_THAT(failure(), HasSubstr("larger than 16 MiB"));
}

TEST_F(HttpClientTest, GivesUpAtItsDeadline) {
    serve([](const Asked&, Talk& talk) -> asio::awaitable<void> { co_await talk.await_end(); });
    std::optional<Result<HttpAnswer>> result;
    const HttpRequest request{.target = "/"};
    asio::co_spawn(context_, client().ask(request, 10s),
                   [&](const std::exception_ptr&, Result<HttpAnswer> came) { result = std::move(came); });
    ASSERT_TRUE(await_asked(1));
    clock_.move(9900ms);
    EXPECT_FALSE(result);
    clock_.move(200ms);
    ASSERT_TRUE(run_until([&] { return result.has_value(); }));
    EXPECT_EQ(result->error().message, url() + ": it does not answer in time");
}

TEST_F(HttpClientTest, SaysThatNobodyListens) {
    uint16_t free_port = 0;
    {
        tcp::acceptor former(context_, tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0));
        free_port = former.local_endpoint().port();
    }
    port_ = free_port;
    EXPECT_EQ(failure(), fmt::format("{}: cannot connect to 127.0.0.1:{}: connection refused", url(), port_));
}

TEST_F(HttpClientTest, LooksNamesUpAndTriesEachAddress) {
    serve([](const Asked&, Talk& talk) -> asio::awaitable<void> { co_await talk.answer("a"); });
    client_.emplace(clock_, HttpUrl::parse(fmt::format("http://localhost:{}", port_)).value(), nullptr);
    EXPECT_EQ(ask().value().body, "a");
    client_.emplace(clock_, HttpUrl::parse("http://weir.invalid").value(), nullptr);
    EXPECT_THAT(failure(), HasSubstr("cannot look 'weir.invalid' up"));
}

TEST_F(HttpClientTest, FollowsUntilThereIsSilence) {
    serve([](const Asked&, Talk& talk) -> asio::awaitable<void> {
        co_await talk.begin_chunks();
        co_await talk.chunk("one ");
        co_await talk.chunk("two");
        co_await talk.await_end();
    });
    std::optional<Result<HttpAnswer>> result;
    const HttpRequest request{.target = "/"};
    asio::co_spawn(context_, client().follow(request, 10s, 5s, take_),
                   [&](const std::exception_ptr&, Result<HttpAnswer> came) { result = std::move(came); });
    ASSERT_TRUE(run_until([&] { return taken_ == "one two"; }));
    clock_.move(4s);
    EXPECT_FALSE(result);
    clock_.move(2s);
    ASSERT_TRUE(run_until([&] { return result.has_value(); }));
    EXPECT_EQ(result->value().status, 200u);
}

TEST_F(HttpClientTest, SaysThatWhatItFollowsHasEnded) {
    serve([](const Asked&, Talk& talk) -> asio::awaitable<void> {
        co_await talk.begin_chunks();
        co_await talk.chunk("one");
        co_await talk.say("0\r\n\r\n");
    });
    EXPECT_EQ(follow().error().message, url() + ": it has ended its answer");
    EXPECT_EQ(taken_, "one");
    take_ = [](std::string_view) -> Status { return fail("no more"); };
    EXPECT_EQ(follow().error().message, url() + ": no more");
}

TEST_F(HttpClientTest, KeepsWhatIsSaidInsteadOfWhatItFollows) {
    serve([](const Asked&, Talk& talk) -> asio::awaitable<void> {
        co_await talk.answer("no such token\r\n", "", "401 Unauthorized");
    });
    EXPECT_EQ(follow().value().complaint(), "HTTP 401: no such token");
    EXPECT_EQ(taken_, "");
}

TEST_F(HttpClientTest, HoldsTheServerAgainstItsCertificate) {
    const auto authority = make_certificate({}), other = make_certificate({});
    secure(make_certificate({.names = "IP:127.0.0.1", .issuer = &authority}));
    serve([](const Asked&, Talk& talk) -> asio::awaitable<void> { co_await talk.answer("by TLS"); });
    model::Tls tls{.authorities = model::FileText(authority.certificate)};
    client(&tls, "https");
    EXPECT_EQ(ask().value().body, "by TLS");
    EXPECT_EQ(ask().value().body, "by TLS");
    EXPECT_EQ(connections_, 1);

    tls.authorities = model::FileText(other.certificate);
    client_.reset();
    client(&tls, "https");
    EXPECT_THAT(failure(), HasSubstr("certificate not accepted for 127.0.0.1: "));
    tls.verify = false;
    client_.reset();
    client(&tls, "https");
    EXPECT_EQ(ask().value().body, "by TLS");
}

TEST_F(HttpClientTest, ShowsItsOwnCertificateAndWhomItWants) {
    const auto authority = make_certificate({});
    const auto own = make_certificate({.names = "DNS:weir", .issuer = &authority});
    secure(make_certificate({.names = "DNS:etcd.example.org", .issuer = &authority}));
    tls_->set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert);
    tls_->add_certificate_authority(asio::buffer(authority.certificate));
    std::string wanted;
    serve([&](const Asked&, Talk& talk) -> asio::awaitable<void> {
        const auto* name = SSL_get_servername(talk.tls(), TLSEXT_NAMETYPE_host_name);
        wanted = name ? name : "";
        co_await talk.answer("let in");
    });
    model::Tls tls{.sni = "etcd.example.org",
                   .authorities = model::FileText(authority.certificate),
                   .certificate = model::FileText(own.certificate),
                   .key = model::FileText(own.key)};
    client(&tls, "https");
    EXPECT_EQ(ask().value().body, "let in");
    EXPECT_EQ(wanted, "etcd.example.org");
    tls.certificate = tls.key = {};
    client_.reset();
    client(&tls, "https");
    EXPECT_FALSE(ask());
}

}  // namespace
}  // namespace weir::discovery
