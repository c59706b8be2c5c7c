#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "base/pem_fixture.h"
#include "config/mistakes_in.h"
#include "config/settings.h"

namespace weir::config {
namespace {

using model::EventKind, model::Severity;
using testing::HasSubstr;

model::Alert only(const std::string& alert) {
    auto config = parse(fmt::format("{}alerts:\n  oncall: {}\n", kInterfaces, alert));
    EXPECT_TRUE(config) << describe("", config.error());
    return config ? config->alerts.at("oncall") : model::Alert{};
}

TEST(AlertSettings, SayWhereAnAlertGoes) {
    EXPECT_EQ(only("{webhook: {url: 'https://alerts.example.com/a?b=c', format: slack, "
                   "headers: {Authorization: Bearer x}}}"),
              (model::Alert{.to = model::Webhook{"https://alerts.example.com/a?b=c",
                                                 model::WebhookFormat::slack,
                                                 {{"Authorization", "Bearer x"}},
                                                 {}}}));
    net::Endpoint server{*net::Ip::parse("192.0.2.1"), net::Port(514)};
    EXPECT_EQ(only("{syslog: {server: 192.0.2.1, facility: local3}}").to,
              decltype(model::Alert::to)(model::Syslog{server, 19}));
    EXPECT_EQ(only("{syslog: {server: '192.0.2.1:514'}}").to,
              decltype(model::Alert::to)(model::Syslog{server, 3}));
    EXPECT_EQ(only("{syslog: {}}").to, decltype(model::Alert::to)(model::Syslog{}));
    EXPECT_EQ(only("{journal:}").to, decltype(model::Alert::to)(model::Journal{}));
}

TEST(AlertSettings, SayWhatIsTold) {
    EXPECT_EQ(only("{journal: {}, settle: 0s, rate: 6}"),
              (model::Alert{.to = model::Journal{}, .settle = std::chrono::seconds(0), .rate = 6}));
    EXPECT_EQ(only("{journal: {}}").severity, Severity::warning);
    EXPECT_EQ(only("{journal: {}, events: all}").severity, Severity::info);
    EXPECT_EQ(only("{journal: {}, events: error}").severity, Severity::error);
    EXPECT_EQ(only("{journal: {}, events: [service_healthy, backend_down]}").events,
              (std::vector{EventKind::backend_down, EventKind::service_healthy}));
}

TEST(AlertSettings, DefaultsInTheTableAreTheModels) {
    EXPECT_EQ(only(fmt::format("{{journal: {{}}, events: {}, settle: {}, rate: {}}}",
                               kAlert.find("events")->fallback, kAlert.find("settle")->fallback,
                               kAlert.find("rate")->fallback)),
              only("{journal: {}}"));
    EXPECT_EQ(only(fmt::format("{{syslog: {{facility: {}}}}}", kSyslog.find("facility")->fallback)),
              only("{syslog: {}}"));
    EXPECT_EQ(only(fmt::format("{{webhook: {{url: 'https://a', format: {}, tls: {{verify: {}}}}}}}",
                               kWebhook.find("format")->fallback, kWebhookTls.find("verify")->fallback)),
              only("{webhook: {url: 'https://a'}}"));
}

TEST(AlertSettings, Mistakes) {
    expect_all(
        {
            {"{}",
             "f:3:3: this alert goes nowhere; add 'webhook: {url: …}', 'syslog: {}' or 'journal: {}'\n"},
            {"{journal: {}, syslog: {}}",
             "f:3:16: this alert goes two ways, syslog and journal; write two alerts\n"},
            {"{jurnal: {}}",
             "f:3:3: this alert goes nowhere; add 'webhook: {url: …}', 'syslog: {}' or 'journal: {}'\n"
             "f:3:7: unknown key 'jurnal'; did you mean 'journal'?\n"},
            {"{journal: {}, events: backend_down}",
             "f:3:28: events 'backend_down' is none of all, warning and error; write a list of kinds: "
             "[backend_down]\n"},
            {"{journal: {}, events: [backend_dwn]}",
             "f:3:29: unknown kind of event 'backend_dwn'; did you mean 'backend_down'?\n"},
            {"{journal: {}, events: [started, started]}",
             "f:3:38: 'started' is in 'events' twice; keep one of the two\n"},
            {"{journal: {}, events: []}",
             "f:3:28: 'events' is an empty list; write a list of kinds of events, or all, warning or "
             "error\n"},
            {"{journal: {}, settle: 2h}",
             "f:3:28: 2h is out of range; 'settle' takes a duration from 0s to 1h\n"},
            {"{journal: {}, rate: 0}", "f:3:26: 0 is out of range; 'rate' takes a number from 1 to 10000\n"},
            {"{journal: {url: a}}", "f:3:17: unknown key 'url'; journal takes none\n"},
            {"{syslog: {server: log.example.com}}",
             "f:3:24: 'log.example.com' is not an address; write 192.0.2.1 or 192.0.2.1:514\n"},
            {"{syslog: {facility: demon}}", "f:3:26: unknown facility 'demon'; did you mean 'daemon'?\n"},
        },
        "interfaces: [eth0]\nalerts:\n  a: ");
}

TEST(AlertSettings, MistakesOfWebhooks) {
    constexpr std::string_view kWhole =
        "this is not a whole URL; write one such as https://alerts.example.com/weir\n";
    for (auto url : {"/a", "alerts.example.com", "https://", "http:a", "https://a b/", "http://a:0/"})
        EXPECT_EQ(mistakes_in(fmt::format("alerts: {{a: {{webhook: {{url: '{}'}}}}}}", url)),
                  fmt::format("f:1:29: {}", kWhole))
            << url;
    expect_all(
        {
            {"url: 'ftp://a/'", "f:1:29: a URL of 'ftp' is not a webhook's; write http or https\n"},
            {"url: 'https://me:secret@a/'",
             "f:1:29: a URL with a user in it is not taken; write 'headers: {Authorization: …}' in place of "
             "that\n"},
            {"url: 'https://a/#b'", "f:1:29: a fragment (#…) is not sent to a server; leave it out\n"},
            {"format: json", "f:1:23: webhook has no URL; add 'url', or 'url_file' where it is a secret\n"},
            {"url: 'http://a', url_file: /b", "f:1:51: there is a 'url' already; keep one of the two\n"},
            {"url: 'http://a', tls: {}",
             "f:1:46: the URL is of http, which has no TLS; write https, or leave 'tls' out\n"},
            {"url: 'https://a', tls: {expiry_warning: 1d}",
             "f:1:48: unknown key 'expiry_warning'; tls takes sni, verify, ca_file, certificate, key\n"},
            {"url: 'https://a', headers: {Content-Length: 3}",
             "f:1:52: 'Content-Length' is not for 'headers'; weir writes it itself\n"},
        },
        "alerts: {a: {webhook: {", "}}}");
}

TEST(AlertSettings, TakeASecretUrlFromAFileAndDoNotRepeatIt) {
    std::string path = testing::TempDir() + "weir-url";
    std::ofstream(path) << "https://hooks.example.com/secret\n";
    EXPECT_EQ(std::get<model::Webhook>(only("{webhook: {url_file: " + path + "}}").to).url,
              "https://hooks.example.com/secret");
    std::ofstream(path) << "hooks.example.com/secret";
    auto mistakes = mistakes_in("alerts: {a: {webhook: {url_file: " + path + "}}}");
    EXPECT_THAT(mistakes, HasSubstr("' holds: this is not a whole URL"));
    EXPECT_THAT(mistakes, testing::Not(HasSubstr("secret")));
    std::filesystem::remove(path);
}

TEST(AlertSettings, OfTheExampleLackOnlyTheOperatorsFiles) {
    auto config = load(WEIR_SOURCE_DIR "/examples/alerts.yaml");
    ASSERT_FALSE(config);
    std::vector<std::string> messages;
    for (const auto& mistake : config.error()) messages.push_back(mistake.message);
    EXPECT_THAT(messages,
                testing::ElementsAre(HasSubstr(", the URL file"), HasSubstr(", the certificate file")));
}

TEST(AlertSettings, HaveTlsAsTheHttpsCheckHasIt) {
    std::string path = testing::TempDir() + "weir-authority";
    auto authority = make_certificate({});
    std::ofstream(path) << authority.certificate;
    auto alert = only("{webhook: {url: 'https://a/', tls: {sni: b, ca_file: " + path + "}}}");
    EXPECT_EQ(std::get<model::Webhook>(alert.to).tls,
              (model::Tls{.sni = "b", .authorities = model::FileText(authority.certificate)}));
    std::filesystem::remove(path);
}

}  // namespace
}  // namespace weir::config
