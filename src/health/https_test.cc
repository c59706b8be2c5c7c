// HTTPS probes against a real TLS server on loopback.
#include <gmock/gmock.h>

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include "base/pem_fixture.h"
#include "health/probe_fixture.h"
#include "health/tls.h"

namespace weir::health {
namespace {

namespace ssl = asio::ssl;
using testing::HasSubstr;
using testing::StartsWith;

struct Authority {
    MadeCertificate own = make_certificate({});
    MadeCertificate issue(std::string names, int days = 90) const {
        return make_certificate({.names = std::move(names), .days = days, .issuer = &own});
    }
};

const Authority& authority() {
    static const Authority one;
    return one;
}

class Https : public Probe {
  protected:
    /// Answers with `text` by TLS.
    void answer_by_tls(const MadeCertificate& certificate,
                       std::string text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") {
        use(certificate);
        serve([this, text = std::move(text)](tcp::socket& client) -> asio::awaitable<void> {
            ssl::stream<tcp::socket&> stream(client, server_);
            auto [refused] = co_await stream.async_handshake(ssl::stream_base::server, kAnswer);
            if (refused) co_return;
            auto* name = SSL_get_servername(stream.native_handle(), TLSEXT_NAMETYPE_host_name);
            asked_name_ = name ? name : "";
            shown_ = SSL_get0_peer_certificate(stream.native_handle()) != nullptr;
            char bytes[1024];
            auto [code, count] = co_await stream.async_read_some(asio::buffer(bytes), kAnswer);
            request_.assign(bytes, count);
            co_await asio::async_write(stream, asio::buffer(text), kAnswer);
        });
    }

    void use(const MadeCertificate& certificate) {
        server_.use_certificate_chain(asio::buffer(certificate.certificate));
        server_.use_private_key(asio::buffer(certificate.key), ssl::context::pem);
    }

    model::HttpsCheck trusting(std::string sni = "www.example.org") {
        model::HttpsCheck check;
        check.tls.sni = std::move(sni);
        check.tls.authorities = model::FileText(authority().own.certificate);
        return check;
    }

    model::Check https(model::HttpsCheck kind) { return {.kind = std::move(kind), .timeout = 5s}; }

    ssl::context server_{ssl::context::tls_server};
    std::string asked_name_;
    bool shown_ = false;
};

TEST_F(Https, AsksTheServerThatItNames) {
    answer_by_tls(authority().issue("DNS:www.example.org"));
    auto outcome = run(https(trusting()));
    EXPECT_TRUE(outcome.ok);
    EXPECT_EQ(outcome.message, "L7OK/200");
    EXPECT_EQ(asked_name_, "www.example.org");
    EXPECT_THAT(request_, StartsWith("GET / HTTP/1.1\r\nHost: 192.0.2.1:80\r\n"));
}

TEST_F(Https, LeavesItsUsualPortOutOfTheHost) {
    target_.frontend.port = net::Port(443);
    answer_by_tls(authority().issue("DNS:www.example.org"));
    run(https(trusting()));
    EXPECT_THAT(request_, HasSubstr("\r\nHost: 192.0.2.1\r\n"));
}

TEST_F(Https, JudgesTheAnswerAsHttpDoes) {
    answer_by_tls(authority().issue("DNS:www.example.org"), "HTTP/1.1 503 No\r\n\r\n");
    EXPECT_EQ(message(https(trusting())), "L7STS/503");
    auto wanting = trusting();
    wanting.http.body = "all is well";
    answer_by_tls(authority().issue("DNS:www.example.org"));
    EXPECT_EQ(message(https(wanting)), "L7RSP: body does not contain 'all is well'");
    answer_by_tls(authority().issue("DNS:www.example.org"),
                  "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nall");
    EXPECT_EQ(message(https(wanting)), "L7RSP: connection closed within the body");
    answer_by_tls(authority().issue("DNS:www.example.org"), "SSH-2.0-OpenSSH_9.2p1\r\n");
    EXPECT_EQ(message(https(trusting())), "L7RSP: bad version");
}

struct CertificateRow {
    const char* what;
    std::string names;
    int days;
    model::HttpsCheck check;
    std::string message;
};

void PrintTo(const CertificateRow& row, std::ostream* out) {
    *out << row.what;
}

class HttpsCertificate : public Https, public testing::WithParamInterface<CertificateRow> {};

TEST_P(HttpsCertificate, IsVerified) {
    auto row = GetParam();
    if (row.check.tls.verify) row.check.tls.authorities = model::FileText(authority().own.certificate);
    answer_by_tls(authority().issue(row.names, row.days));
    auto outcome = run(https(row.check));
    EXPECT_EQ(outcome.message, row.message);
    EXPECT_EQ(outcome.ok, outcome.message.starts_with("L7OK"));
}

INSTANTIATE_TEST_SUITE_P(
    Rows, HttpsCertificate,
    testing::Values(
        CertificateRow{"for the SNI", "DNS:a.example", 90, {.tls = {.sni = "a.example"}}, "L7OK/200"},
        CertificateRow{"for the host without its port",
                       "DNS:a.example",
                       90,
                       {.http = {.host = "a.example:8443"}},
                       "L7OK/200"},
        CertificateRow{"for an address as host",
                       "IP:2001:db8::1",
                       90,
                       {.http = {.host = "[2001:db8::1]:8443"}},
                       "L7OK/200"},
        CertificateRow{"for the VIP", "IP:192.0.2.1", 90, {}, "L7OK/200"},
        CertificateRow{"the SNI goes before the host",
                       "DNS:a.example",
                       90,
                       {.http = {.host = "b.example"}, .tls = {.sni = "a.example"}},
                       "L7OK/200"},
        CertificateRow{"for another name",
                       "DNS:b.example",
                       90,
                       {.tls = {.sni = "a.example"}},
                       "L6RSP: certificate not accepted for a.example: hostname mismatch"},
        CertificateRow{"for another address",
                       "IP:192.0.2.9",
                       90,
                       {},
                       "L6RSP: certificate not accepted for 192.0.2.1: IP address mismatch"},
        CertificateRow{"of the past",
                       "DNS:a.example",
                       -3,
                       {.tls = {.sni = "a.example"}},
                       "L6RSP: certificate not accepted for a.example: certificate has expired"},
        CertificateRow{"of another name, not verified",
                       "DNS:b.example",
                       90,
                       {.tls = {.sni = "a.example", .verify = false}},
                       "L7OK/200"},
        CertificateRow{"of the past, not verified",
                       "DNS:a.example",
                       -3,
                       {.tls = {.sni = "a.example", .verify = false}},
                       "L7OK/200: certificate has expired"},
        CertificateRow{"near its end",
                       "DNS:a.example",
                       9,
                       {.tls = {.sni = "a.example"}},
                       "L7OK/200: certificate expires in 9 days"},
        CertificateRow{"in its last hours",
                       "DNS:a.example",
                       0,
                       {.tls = {.sni = "a.example"}},
                       "L7OK/200: certificate expires within a day"},
        CertificateRow{"near its end, which nobody wants to know",
                       "DNS:a.example",
                       9,
                       {.tls = {.sni = "a.example", .expiry_warning = 0h}},
                       "L7OK/200"}));

TEST_F(Https, SaysWhichCertificateEndsSoon) {
    answer_by_tls(authority().issue("DNS:www.example.org"));
    EXPECT_EQ(run(https(trusting())).expiring, "");
    auto eager = trusting();
    eager.tls.expiry_warning = 24h * 365;
    auto issued = authority().issue("DNS:www.example.org");
    answer_by_tls(issued);
    auto first = run(https(eager)).expiring;
    EXPECT_THAT(first, testing::MatchesRegex("certificate [0-9A-F]+ of CN=a server ends at .* GMT"));
    answer_by_tls(issued);
    EXPECT_EQ(run(https(eager)).expiring, first);
    answer_by_tls(authority().issue("DNS:www.example.org"));
    EXPECT_NE(run(https(eager)).expiring, first);
}

TEST_F(Https, TrustsOnlyTheAuthoritiesItIsGiven) {
    answer_by_tls(make_certificate({.names = "DNS:www.example.org"}));
    EXPECT_EQ(message(https(trusting())),
              "L6RSP: certificate not accepted for www.example.org: self-signed certificate");
    auto by_default = trusting();
    by_default.tls.authorities = {};
    answer_by_tls(authority().issue("DNS:www.example.org"));
    EXPECT_EQ(message(https(by_default)),
              "L6RSP: certificate not accepted for www.example.org: unable to get local issuer certificate");
}

TEST_F(Https, ShowsItsCertificateToAServerThatAsks) {
    server_.set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert);
    server_.add_certificate_authority(asio::buffer(authority().own.certificate));
    answer_by_tls(authority().issue("DNS:www.example.org"));
    auto own = authority().issue("DNS:balancer.example.org");
    auto check = trusting();
    check.tls.certificate = model::FileText(own.certificate);
    check.tls.key = model::FileText(own.key);
    EXPECT_EQ(message(https(check)), "L7OK/200");
    EXPECT_TRUE(shown_);
    answer_by_tls(authority().issue("DNS:www.example.org"));
    EXPECT_THAT(message(https(trusting())), StartsWith("L7RSP: "));
}

TEST_F(Https, SaysThatTheServerSpeaksNoTls) {
    serve([this](tcp::socket& client) -> asio::awaitable<void> {
        char bytes[1024];
        co_await client.async_read_some(asio::buffer(bytes), kAnswer);
        co_await asio::async_write(client, asio::buffer("HTTP/1.1 400 Bad\r\n\r\n", 20), kAnswer);
        co_await wait_for_close(client, client_end_);
    });
    EXPECT_THAT(message(https(trusting())), StartsWith("L6RSP: wrong version number"));
}

TEST_F(Https, SaysThatTheServerClosedWithinTheHandshake) {
    serve([](tcp::socket& client) -> asio::awaitable<void> {
        char bytes[1024];
        co_await client.async_read_some(asio::buffer(bytes), kAnswer);
    });
    EXPECT_EQ(message(https(trusting())), "L6RSP: connection closed within the handshake");
}

TEST_F(Https, GivesUpOnAHandshakeThatDoesNotEnd) {
    serve([this](tcp::socket& client) { return fall_silent(client); });
    EXPECT_EQ(message(https(trusting())), "L6TOUT");
}

TEST_F(Https, GivesUpOnAnAnswerThatDoesNotCome) {
    use(authority().issue("DNS:www.example.org"));
    serve([this](tcp::socket& client) -> asio::awaitable<void> {
        ssl::stream<tcp::socket&> stream(client, server_);
        co_await stream.async_handshake(ssl::stream_base::server, kAnswer);
        co_await fall_silent(client);
    });
    EXPECT_EQ(message(https(trusting())), "L7TOUT");
}

TEST_F(Https, ClosesByReset) {
    std::optional<boost::system::error_code> end;
    use(authority().issue("DNS:www.example.org"));
    serve([this, &end](tcp::socket& client) -> asio::awaitable<void> {
        ssl::stream<tcp::socket&> stream(client, server_);
        co_await stream.async_handshake(ssl::stream_base::server, kAnswer);
        char bytes[1024];
        co_await stream.async_read_some(asio::buffer(bytes), kAnswer);
        std::string text = "HTTP/1.1 200 OK\r\n\r\n";
        co_await asio::async_write(stream, asio::buffer(text), kAnswer);
        co_await wait_for_close(client, end);
    });
    EXPECT_EQ(message(https(trusting())), "L7OK/200");
    EXPECT_TRUE(clock_.run_until([&end] { return end.has_value(); }));
    EXPECT_EQ(end, asio::error::connection_reset);
}

TEST(Tls, SharesWhatTheFilesSaidBetweenSessions) {
    model::Tls tls{.authorities = model::FileText(authority().own.certificate)};
    auto one = start_tls(tls, "a.example");
    tls.sni = "b.example";
    auto other = start_tls(tls, "b.example");
    tls.verify = false;
    auto third = start_tls(tls, "b.example");
    ASSERT_TRUE(one && other && third);
    EXPECT_EQ(SSL_get_SSL_CTX(one->get()), SSL_get_SSL_CTX(other->get()));
    EXPECT_NE(SSL_get_SSL_CTX(one->get()), SSL_get_SSL_CTX(third->get()));
}

}  // namespace
}  // namespace weir::health
