// The admin API beyond the machine: TLS and tokens, as curl and an operator meet them.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>

#include "base/pem_fixture.h"
#include "lab/tcp.h"
#include "tests/e2e/site.h"

namespace weir::e2e {
namespace {

using testing::HasSubstr;

constexpr const char* kAddress = "10.1.10.100:9070";  // the balancer's on the LAN
const std::string kViewer = "viewer-0123456789abcdef";
const std::string kOperator = "operator-0123456789abcdef";

class Remote : public SiteTest {
  protected:
    void SetUp() override {
        SiteTest::SetUp();
        if (IsSkipped()) return;
        site_.emplace(lab::DsrOptions{.lab = "remote", .backends = 1});
        renew();
        secret("viewer", kViewer + "\n");
        secret("operator", kOperator + "\n");
        site_->start(setup());
    }
    std::string secret(const std::string& name, const std::string& text) {
        const std::string path = dir_.write(name, text);
        ::chmod(path.c_str(), 0600);
        return path;
    }
    /// Another certificate, by the same authority.
    void renew() {
        const MadeCertificate made =
            make_certificate({.names = "IP:10.1.10.100,DNS:weir.example.org", .issuer = &authority_});
        dir_.write("certificate", made.certificate);
        secret("key", made.key);
    }
    Yaml setup() const {
        const std::string dir = dir_ / "";
        return {.backends = "10.1.10.10",
                .settings =
                    fmt::format("admin: {{listen: {0}, tls: {{certificate: {1}certificate, key: {1}key}}, "
                                "token: {{operator_file: {1}operator, viewer_file: {1}viewer}}}}\n",
                                kAddress, dir)};
    }
    /// What curl got from the LAN's other end: status, and a blank, and the body. Or its complaint.
    std::string curl(const std::string& path, std::vector<std::string> more) {
        std::vector<std::string> words{
            "curl", "-sS",      "--noproxy",        "*",  "-m",
            "20",   "--cacert", dir_ / "authority", "-w", "\n%{http_code}\n%header{retry-after}"};
        words.insert(words.end(), more.begin(), more.end());
        words.push_back(path.contains("://") ? path : fmt::format("https://{}{}", kAddress, path));
        const lab::Finished finished = lab::run(site_->client(), std::move(words));
        return finished.out + finished.err;
    }
    std::string status_of(const std::string& path, const std::string& token,
                          std::vector<std::string> more = {}) {
        if (!token.empty()) more.insert(more.end(), {"-H", "Authorization: Bearer " + token});
        const std::string got = curl(path, std::move(more));
        const auto last = got.rfind('\n'), before = got.rfind('\n', last - 1);
        return last == got.npos || before == got.npos ? got : got.substr(before + 1, last - before - 1);
    }
    uint64_t counted(const std::string& sample) {
        const Result<std::string> text = lab::http_get(site_->daemon().socket(), "/metrics");
        const auto at = text ? text->find(sample + " ") : std::string::npos;
        return at == std::string::npos ? 0 : std::stoull(text->substr(at + sample.size() + 1));
    }

    const MadeCertificate authority_ = make_certificate({});
    lab::TempDir dir_;
    const std::string authority_file_ = dir_.write("authority", authority_.certificate);
    std::optional<Site> site_;
};

TEST_F(Remote, AnswersByTokenAndRoleAndByUser) {
    EXPECT_EQ(status_of("/healthz", ""), "200");
    EXPECT_THAT(curl("/healthz", {}), testing::StartsWith("ok\n"));
    EXPECT_EQ(status_of("/api/v1/status", kViewer), "200");
    EXPECT_EQ(status_of("/metrics", kOperator), "200");
    EXPECT_EQ(status_of("/api/v1/reload", kViewer, {"-X", "POST"}), "403");
    EXPECT_EQ(status_of("/api/v1/reload", kOperator, {"-X", "POST"}), "200");
    EXPECT_THAT(curl("/api/v1/status", {"-D", "-"}), HasSubstr("WWW-Authenticate: Bearer"));
    EXPECT_EQ(counted("weir_api_refused_total{reason=\"unauthorized\"}"), 1u);
    EXPECT_EQ(counted("weir_api_refused_total{reason=\"forbidden\"}"), 1u);

    const std::string plain = curl(fmt::format("http://{}/healthz", kAddress), {});
    EXPECT_THAT(plain, HasSubstr("curl: ")) << "closed without an answer";
    EXPECT_TRUE(lab::wait_until(
        [&] { return counted("weir_api_tls_failures_total{reason=\"plain_http\"}") == 1; }, kSoon));

    // Guesses: the first are refused one by one, the rest unheard.
    std::vector<std::string> guesses{"-H", "Authorization: Bearer guess-0123456789"};
    for (int i = 0; i < 150; ++i) guesses.push_back(fmt::format("https://{}/api/v1/status", kAddress));
    const std::string guessed = curl("/api/v1/status", guesses);
    EXPECT_THAT(guessed, HasSubstr("\n401\n"));
    EXPECT_THAT(guessed, HasSubstr("\n429\n1"));
    EXPECT_TRUE(lab::wait_until([&] { return status_of("/api/v1/status", kViewer) == "200"; }, kSoon))
        << "and after a while it is heard again";

    // Somebody who gets at the socket all the same: its mode is changed under the daemon.
    const std::filesystem::path socket = site_->daemon().socket();
    ::chmod(socket.c_str(), 0666);
    ::chmod(socket.parent_path().c_str(), 0755);
    const lab::Finished asked = lab::run(
        site_->balancer(), {"setpriv", "--reuid", "65534", "--clear-groups", "curl", "-sS", "-w",
                            "\n%{http_code}", "--unix-socket", socket, "http://localhost/api/v1/status"});
    EXPECT_THAT(asked.out, testing::EndsWith("\n403")) << asked.err;
    EXPECT_EQ(counted("weir_api_refused_total{reason=\"stranger\"}"), 1u);
    EXPECT_EQ(site_->weir({"status"}).status, 0);
}

TEST_F(Remote, TakesARenewedCertificateAndNewTokens) {
    const auto shown = [&] { return curl("/healthz", {"-w", "%{certs}"}); };
    const std::string before = shown();
    EXPECT_THAT(before, HasSubstr("BEGIN CERTIFICATE"));
    renew();
    secret("viewer", "viewer-fedcba9876543210");
    EXPECT_TRUE(site_->reload(setup()));
    EXPECT_NE(shown(), before);
    EXPECT_EQ(status_of("/api/v1/status", kViewer), "401");
    EXPECT_EQ(status_of("/api/v1/status", "viewer-fedcba9876543210"), "200");
    secret("key", "nonsense");
    EXPECT_FALSE(site_->reload(setup()));
    EXPECT_EQ(status_of("/api/v1/status", kOperator), "200");
}

}  // namespace
}  // namespace weir::e2e
