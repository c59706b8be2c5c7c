// The server beyond the machine: TLS, tokens, and who is not served at all.
#include <gmock/gmock.h>
#include <openssl/x509.h>

#include <future>

#include <boost/asio/post.hpp>
#include "admin/server_fixture.h"
#include "base/pem_fixture.h"

namespace weir::admin {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kGet = "GET /x HTTP/1.1\r\nHost: weir.example.org\r\nConnection: close\r\n\r\n";

std::string get_with(const std::string& token, const std::string& connection = "close") {
    return "GET /x HTTP/1.1\r\nHost: weir.example.org\r\nAuthorization: Bearer " + token +
           "\r\nConnection: " + connection + "\r\n\r\n";
}

class TlsServer : public ServerFixture {
  protected:
    static model::Admin admin() {
        auto made = make_certificate({.names = "DNS:weir.example.org"});
        model::Admin admin;
        admin.certificate = model::FileText(made.certificate);
        admin.key = model::FileText(made.key);
        admin.operator_token = model::FileText(std::string("operator-0123456789"));
        return admin;
    }
    Server& make(const Limits& limits = {}, const Rates& rates = {}) {
        auto echo = [](const Request& request) {
            return [body = request.method + " " + request.path] { return Response{200, body, "text/plain"}; };
        };
        return server.emplace(io.get_executor(), clock, echo, limits, rates);
    }
    /// With TLS, on a loopback port.
    net::Endpoint serve(const Limits& limits = {}, const Rates& rates = {}) {
        auto [fd, endpoint] = listening();
        make(limits, rates);
        EXPECT_TRUE(server->protect(settings));
        EXPECT_TRUE(server->adopt({Origin::inherited, std::move(fd)}, ""));
        start();
        return endpoint;
    }
    uint64_t refused(Refused why) {
        return there([&] { return server->tally().refused[static_cast<size_t>(why)]; });
    }
    /// The client may see the end before the server has counted it.
    bool soon_failed(TlsFailure why, uint64_t times) {
        auto count = [&] { return server->tally().tls_failures[static_cast<size_t>(why)]; };
        auto patience = std::chrono::steady_clock::now() + 30s;
        while (there(count) != times && std::chrono::steady_clock::now() < patience)
            std::this_thread::yield();
        return there(count) == times;
    }

    model::Admin settings = admin();
};

TEST_F(TlsServer, AnswersWhoHasTheTokenAndRefusesTheOthers) {
    auto endpoint = serve();
    TlsClient known(endpoint);
    ASSERT_TRUE(known.connected());
    known.send(get_with("operator-0123456789"));
    auto answer = known.rest();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, HasSubstr("GET /x"));
    TlsClient unknown(endpoint);
    unknown.send(kGet);
    answer = unknown.rest();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 401 "));
    EXPECT_THAT(answer, HasSubstr("WWW-Authenticate: Bearer"));
    EXPECT_EQ(refused(Refused::unauthorized), 1u);
}

TEST_F(TlsServer, ClosesOnAClientWithoutTlsAndCountsIt) {
    auto endpoint = serve();
    EXPECT_THAT(converse(dial(endpoint), kGet), testing::Not(HasSubstr("HTTP/")));
    EXPECT_TRUE(soon_failed(TlsFailure::plain_http, 1));
    converse(dial(endpoint), "\x01\x02 nonsense");
    EXPECT_TRUE(soon_failed(TlsFailure::other, 1));
}

TEST_F(TlsServer, DoesNotWaitLongForAHandshake) {
    auto endpoint = serve();
    auto client = dial(endpoint);
    lose_patience();
    EXPECT_EQ(converse(client, ""), "");
    EXPECT_TRUE(soon_failed(TlsFailure::timeout, 1));
}

TEST_F(TlsServer, SpeaksNoTlsBelow12) {
    auto endpoint = serve();
    EXPECT_FALSE(TlsClient(endpoint, TLS1_1_VERSION).connected());
    EXPECT_TRUE(TlsClient(endpoint, TLS1_2_VERSION).connected());
}

TEST_F(TlsServer, ShowsARenewedCertificateAndKeepsItsConnections) {
    auto endpoint = serve();
    TlsClient before(endpoint);
    before.send(get_with("operator-0123456789", "keep-alive"));
    EXPECT_THAT(before.until("GET /x"), StartsWith("HTTP/1.1 200 "));
    auto renewed = admin();
    EXPECT_TRUE(there([&] { return server->protect(renewed); }));
    TlsClient after(endpoint);
    ASSERT_TRUE(after.connected());
    EXPECT_NE(X509_cmp(before.certificate(), after.certificate()), 0);
    before.send(get_with("operator-0123456789"));
    EXPECT_THAT(before.rest(), StartsWith("HTTP/1.1 200 "));
}

TEST_F(TlsServer, TakesNewTokensOverAtOnceOnOpenConnectionsToo) {
    auto endpoint = serve();
    TlsClient client(endpoint);
    client.send(get_with("operator-0123456789", "keep-alive"));
    EXPECT_THAT(client.until("GET /x"), StartsWith("HTTP/1.1 200 "));
    settings.operator_token = model::FileText(std::string("operator-9876543210"));
    EXPECT_TRUE(there([&] { return server->protect(settings); }));
    client.send(get_with("operator-0123456789"));
    EXPECT_THAT(client.rest(), StartsWith("HTTP/1.1 401 "));
}

TEST_F(TlsServer, LimitsHandshakes) {
    auto endpoint = serve({}, {.remote = {.per_second = 1e-6, .burst = 1}});
    EXPECT_TRUE(TlsClient(endpoint).connected());
    EXPECT_FALSE(TlsClient(endpoint).connected());
    EXPECT_EQ(refused(Refused::limited), 1u);
}

TEST_F(TlsServer, ServesNobodyBeyondLoopbackWithoutCertificateAndToken) {
    auto [fd, endpoint] = listening("0.0.0.0");
    auto complete = settings;
    make();
    ASSERT_TRUE(server->adopt({Origin::inherited, std::move(fd)}, ""));
    start();
    net::Endpoint here{net::Ip::parse("127.0.0.1").value(), endpoint.port};
    EXPECT_EQ(converse(dial(here), ""), "") << "neither";
    for (auto without : {&model::Admin::certificate, &model::Admin::operator_token}) {
        settings = complete;
        settings.*without = {};
        EXPECT_TRUE(there([&] { return server->protect(settings); }));
        EXPECT_EQ(converse(dial(here), ""), "") << "one of the two";
    }
    EXPECT_TRUE(there([&] { return server->protect(complete); }));
    EXPECT_TRUE(TlsClient(here).connected());
}

TEST_F(TlsServer, ServesNobodyBeyondLoopbackOnceItsProtectionIsGone) {
    auto [fd, endpoint] = listening("0.0.0.0");
    ASSERT_TRUE(make().protect(settings));
    ASSERT_TRUE(server->adopt({Origin::inherited, std::move(fd)}, ""));
    start();
    net::Endpoint here{net::Ip::parse("127.0.0.1").value(), endpoint.port};
    EXPECT_TRUE(TlsClient(here).connected());
    EXPECT_TRUE(there([&] { return server->protect({}); }));
    EXPECT_EQ(converse(dial(here), ""), "");
}

}  // namespace
}  // namespace weir::admin
