// Where the admin API listens, and the files that guard it.
#include <gmock/gmock.h>

#include "config/files_fixture.h"
#include "config/mistakes_in.h"

namespace weir::config {
namespace {

using testing::HasSubstr;

constexpr const char* kOperator = "operator-0123456789";
constexpr const char* kViewer = "viewer-0123456789";

class AdminSettings : public FilesFixture {
  protected:
    static std::string with(const std::string& settings) {
        return fmt::format("{}{}admin: {{{}}}\n", kInterfaces, kPools, settings);
    }
    std::string tls() const { return fmt::format("tls: {{certificate: {}, key: {}}}", certificate_, key_); }
};

TEST_F(AdminSettings, ListenAnywhereWithACertificateAndATokenForEachRole) {
    auto config =
        parse(with(fmt::format("listen: 0.0.0.0:9070, {}, token: {{operator_file: {}, viewer_file: {}}}",
                               tls(), write("operator", std::string(kOperator) + "\n"),
                               write("viewer", std::string(kViewer) + "\r\n", 0640))));
    ASSERT_TRUE(config) << describe("", config.error());
    model::Admin wanted{net::Endpoint::parse("0.0.0.0:9070").value(), model::FileText(own_.certificate),
                        model::FileText(own_.key), model::FileText(kViewer), model::FileText(kOperator)};
    EXPECT_EQ(config->admin, wanted);
}

TEST_F(AdminSettings, TakeATextAsTheOperatorsToken) {
    auto config = parse(with(fmt::format("listen: '[::]:1', {}, token: {}", tls(), kOperator)));
    ASSERT_TRUE(config) << describe("", config.error());
    EXPECT_EQ(config->admin.operator_token.view(), kOperator);
    EXPECT_TRUE(config->admin.viewer_token.empty());
}

TEST_F(AdminSettings, AreOthersOnceAFileIs) {
    auto text = with("listen: 127.0.0.1:1, " + tls());
    auto before = parse(text);
    auto renewed = make_certificate({.names = "DNS:balancer.example.org"});
    write("certificate", renewed.certificate);
    write("key", renewed.key);
    auto after = parse(text);
    ASSERT_TRUE(before && after);
    EXPECT_NE(before->admin, after->admin);
}

TEST_F(AdminSettings, DoNotListenBeyondLoopbackWithoutBoth) {
    EXPECT_EQ(mistakes_in(with("listen: 0.0.0.0:9070")),
              "f:3:17: 0.0.0.0:9070 is not on loopback, and without 'tls' strangers would read along; add "
              "that, or listen on 127.0.0.1:9070\n"
              "f:3:17: 0.0.0.0:9070 is not on loopback, and without 'token' anybody could use it; add that, "
              "or listen on 127.0.0.1:9070\n");
    EXPECT_EQ(mistakes_in(with(fmt::format("listen: 192.0.2.1:1, token: {}", kOperator))),
              "f:3:17: 192.0.2.1:1 is not on loopback, and without 'tls' strangers would read along; add "
              "that, or listen on 127.0.0.1:1\n");
    EXPECT_THAT(mistakes_in(with("listen: 192.0.2.1:1, " + tls())), HasSubstr("without 'token'"));
    EXPECT_EQ(mistakes_in(with("listen: 127.0.0.1:1, " + tls())), "");
    EXPECT_EQ(mistakes_in(with(fmt::format("listen: 127.0.0.1:1, token: {}", kOperator))), "");
}

TEST_F(AdminSettings, RefuseATokenThatIsNoneWithoutShowingIt) {
    const std::string none = ": this is no token; write 16 to 512 visible ASCII characters without blanks\n";
    for (const std::string& bad : {std::string("short"), std::string("with a blank in it"),
                                   std::string("f\xc3\xbcnfzehn-plus-eins"), std::string(513, 'x')}) {
        EXPECT_EQ(mistakes_in(with(fmt::format("listen: 127.0.0.1:1, token: '{}'", bad))), "f:3:37" + none);
        auto file = write("bad", bad);
        EXPECT_EQ(mistakes_in(with("listen: 127.0.0.1:1, token: {viewer_file: " + file + "}")),
                  "f:3:51: '" + file + "'" + none);
    }
}

TEST_F(AdminSettings, RefuseATokenFileThatEverybodyMayRead) {
    auto open = write("open", kOperator, 0644);
    EXPECT_EQ(mistakes_in(with("listen: 127.0.0.1:1, token: {operator_file: " + open + "}")),
              "f:3:53: everybody may read '" + open + "', and it is a secret; set its mode to 0600\n");
}

TEST_F(AdminSettings, RefuseOneTokenForBothRolesAndTokensForNone) {
    auto same = write("same", kOperator);
    EXPECT_THAT(mistakes_in(with(fmt::format(
                    "listen: 127.0.0.1:1, token: {{operator_file: {}, viewer_file: {}}}", same, same))),
                HasSubstr("viewers and operators have the same token; give each their own\n"));
    EXPECT_EQ(mistakes_in(with("listen: 127.0.0.1:1, token: {}")),
              "f:3:37: nobody has a token; add operator_file or viewer_file\n");
}

TEST_F(AdminSettings, RefuseAKeyThatIsNotTheCertificates) {
    auto other = write("other", make_certificate({.names = "DNS:balancer.example.org"}).key);
    EXPECT_THAT(mistakes_in(with(fmt::format("listen: 127.0.0.1:1, tls: {{certificate: {}, key: {}}}",
                                             certificate_, other))),
                HasSubstr("this is not the key of the certificate; give the two that belong together\n"));
    EXPECT_EQ(mistakes_in(with("listen: 127.0.0.1:1, tls: {}")),
              "f:3:35: tls has no 'certificate'; add it, the absolute path of a file\n"
              "f:3:35: tls has no 'key'; add it, the absolute path of a file\n");
}

TEST_F(AdminSettings, NeedAnAddressAndAPort) {
    EXPECT_EQ(mistakes_in("admin: {listen: 9070}\n"), "f:1:17: '9070' has no port; write ADDRESS:PORT\n");
    EXPECT_EQ(mistakes_in("admin: {}\n"), "f:1:8: admin has no 'listen'; add it, an ADDRESS:PORT\n");
}

}  // namespace
}  // namespace weir::config
