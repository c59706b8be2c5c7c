// The files that an https check names.
#include <gmock/gmock.h>

#include "config/files_fixture.h"
#include "config/mistakes_in.h"

namespace weir::config {
namespace {

using testing::HasSubstr;

class CheckTls : public FilesFixture {
  protected:
    static std::string with(const std::string& settings) {
        return fmt::format(
            "{}{}services: {{s: {{vip: 192.0.2.9, ports: 443, pool: p, checks: [\n  https: {{{}}}]}}}}\n",
            kInterfaces, kPools, settings);
    }
};

TEST_F(CheckTls, HasTheContentsOfItsFiles) {
    auto config =
        parse(with(fmt::format("sni: www.example.org, ca_file: {}, certificate: {}, key: {}, "
                               "expiry_warning: 30d",
                               certificate_, certificate_, key_)));
    ASSERT_TRUE(config) << describe("", config.error());
    model::Tls wanted{.sni = "www.example.org",
                      .authorities = model::FileText(own_.certificate),
                      .certificate = model::FileText(own_.certificate),
                      .key = model::FileText(own_.key),
                      .expiry_warning = std::chrono::days(30)};
    EXPECT_EQ(std::get<model::HttpsCheck>(config->services.at("s").checks.at(0).kind).tls, wanted);
}

TEST_F(CheckTls, IsAnotherOnceAFileIs) {
    auto before = parse(with("ca_file: " + certificate_));
    auto same = parse(with("ca_file: " + certificate_));
    write("certificate", make_certificate({.names = "DNS:balancer.example.org"}).certificate);
    auto after = parse(with("ca_file: " + certificate_));
    ASSERT_TRUE(before && same && after);
    EXPECT_EQ(*before, *same);
    EXPECT_NE(*before, *after);
}

TEST_F(CheckTls, RefusesAKeyThatIsNotTheCertificates) {
    auto other = write("other", make_certificate({.names = "DNS:balancer.example.org"}).key);
    EXPECT_THAT(mistakes_in(with(fmt::format("certificate: {}, key: {}", certificate_, other))),
                HasSubstr("this is not the key of the certificate; give the two that belong together\n"));
}

TEST_F(CheckTls, RefusesAnAuthorityThatNobodyIsHeldAgainst) {
    EXPECT_THAT(mistakes_in(with(fmt::format("verify: false, ca_file: {}", certificate_))),
                HasSubstr("nothing is held against this with 'verify: false'; leave one of the two out\n"));
}

}  // namespace
}  // namespace weir::config
