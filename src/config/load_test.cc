#include "config/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>

namespace weir::config {
namespace {

using namespace std::chrono_literals;
using model::Check, model::HttpCheck;

net::Ip ip(std::string_view text) {
    return *net::Ip::parse(text);
}

TEST(Load, ReadsEverySetting) {
    auto config = parse(R"(
node: {address: 10.1.10.100}
interfaces:
  - {name: eth0, mode: native}
  - eth1
admin: {listen: "[::1]:9070"}
flows: {size: 4096, timeouts: {handshake: 10s, established: 1h, closing: 5s, udp: 2m}}
unmatched: pass
pools:
  web:
    static:
      - 10.1.10.10
      - {address: 10.1.10.11, weight: 2}
      - {address: 10.1.10.12, state: disabled}
services:
  web:
    vip: [192.168.101.1, "2001:db8::1"]
    ports: [80/tcp, 443, 443/udp]
    pool: web
    forward: dsr
    scheduler: {rendezvous: {size: 1009}}
    need: 2
    checks:
      - http: {path: /alive, host: www.example.com, expect: [200, 300-399]}
        port: 8080
        interval: 500ms
        timeout: 400ms
        history: 10
        rise: 4
        fall: 3
)");
    ASSERT_TRUE(config) << describe("", config.error());
    model::Config wanted;
    wanted.node_address = ip("10.1.10.100");
    wanted.interfaces = {{"eth0", model::XdpMode::native}, {"eth1", model::XdpMode::automatic}};
    wanted.admin.listen = net::Endpoint{ip("::1"), net::Port(9070)};
    wanted.flows = {4096, 10s, 3600s, 5s, 120s};
    wanted.unmatched = model::Unmatched::pass;
    wanted.pools["web"].backends = {{ip("10.1.10.10"), 1, model::AdminState::enabled},
                                    {ip("10.1.10.11"), 2, model::AdminState::enabled},
                                    {ip("10.1.10.12"), 1, model::AdminState::disabled}};
    auto& service = wanted.services["web"];
    service.vips = {net::only(ip("192.168.101.1")), net::only(ip("2001:db8::1"))};
    service.ports = {{net::Port(80), model::Protocol::tcp},
                     {net::Port(443), model::Protocol::tcp},
                     {net::Port(443), model::Protocol::udp}};
    service.pool = "web";
    service.scheduler = {model::SchedulerKind::rendezvous, 1009};
    service.need = 2;
    service.checks = {Check{HttpCheck{"/alive", "www.example.com", {{200, 200}, {300, 399}}}, net::Port(8080),
                            500ms, 400ms, 10, 4, 3}};
    EXPECT_EQ(*config, wanted);
}

/// A service with these settings behind its pool.
model::Config config_with(std::string_view service, std::string_view pool = "[192.0.2.1]") {
    auto config =
        parse(fmt::format("interfaces: [eth0]\npools: {{p: {{static: {}}}}}\n"
                          "services: {{s: {{pool: p, {}}}}}\n",
                          pool, service));
    EXPECT_TRUE(config) << service << "\n" << describe("", config.error());
    return config ? *config : model::Config{};
}

model::Service service_with(std::string_view settings, std::string_view pool = "[192.0.2.1]") {
    auto config = config_with(settings, pool);
    return config.services.empty() ? model::Service{} : config.services.at("s");
}

net::Prefix prefix(std::string_view text) {
    return *net::Prefix::parse(text);
}

TEST(Load, TakesEachWayToForward) {
    using model::Forward, model::ForwardKind, net::Port;
    const std::pair<std::string_view, Forward> rows[] = {
        {"dsr", {}},
        {"{dsr: {}}", {}},
        {"ipip", {ForwardKind::ipip}},
        {"{ipip: {source: 10.9.0.0/16}}", {ForwardKind::ipip, {}, 0, {prefix("10.9.0.0/16")}}},
        {"{gre: {source: [\"2001:db8::/112\", 10.9.0.1]}}",
         {ForwardKind::gre, {}, 0, {prefix("2001:db8::/112"), prefix("10.9.0.1/32")}}},
        {"fou", {ForwardKind::fou, Port(5555)}},
        {"{fou: {port: 4000}}", {ForwardKind::fou, Port(4000)}},
        {"gue", {ForwardKind::gue, Port(6080)}},
        {"{gue: {port: 65535, source: 10.9.0.0/24}}",
         {ForwardKind::gue, Port(65535), 0, {prefix("10.9.0.0/24")}}},
        {"{dscp: {value: 63}}", {ForwardKind::dscp, {}, 63}},
        {"nat", {ForwardKind::nat}},
        {"{nat: {source: 10.9.0.0/28}}", {ForwardKind::nat, {}, 0, {prefix("10.9.0.0/28")}}},
    };
    for (const auto& [text, wanted] : rows)
        EXPECT_EQ(service_with(fmt::format("vip: 198.51.100.1, ports: 80, forward: {}", text)).forward,
                  wanted)
            << text;
}

TEST(Load, TakesPortsRangesAndProtocols) {
    using model::Protocol;
    auto service = service_with(
        "vip: 198.51.100.1, ports: [80, 8000-8099/udp, 1-65535/sctp, 53/17, any/tcp, any, any/icmp, any/47, "
        "any/253]");
    auto every = [](Protocol protocol) { return model::ServicePort{net::Port(0), protocol, 0xffff}; };
    std::vector<model::ServicePort> wanted{{net::Port(80), Protocol::tcp, 0},
                                           {net::Port(8000), Protocol::udp, 99},
                                           {net::Port(1), Protocol::sctp, 65534},
                                           {net::Port(53), Protocol::udp, 0},
                                           every(Protocol::tcp),
                                           every(Protocol::any),
                                           every(Protocol::icmp),
                                           every(Protocol{47}),
                                           every(Protocol{253})};
    EXPECT_EQ(service.ports, wanted);
}

TEST(Load, TakesPrefixesOfVips) {
    auto service = service_with("vip: [198.51.100.0/28, \"2001:db8:1::/64\", 203.0.113.9/32], ports: any");
    EXPECT_EQ(service.vips, (std::vector{prefix("198.51.100.0/28"), prefix("2001:db8:1::/64"),
                                         net::only(ip("203.0.113.9"))}));
}

TEST(Load, TakesStickiness) {
    auto sticky = [](std::string_view text) {
        return service_with(fmt::format("vip: 198.51.100.1, ports: 80{}", text)).sticky;
    };
    EXPECT_EQ(sticky(""), std::nullopt);
    EXPECT_EQ(sticky(", sticky: source"), (model::Sticky{32, 128}));
    EXPECT_EQ(sticky(", sticky: {ipv4: 24}"), (model::Sticky{24, 128}));
    EXPECT_EQ(sticky(", sticky: {ipv4: 1, ipv6: 56}"), (model::Sticky{1, 56}));
}

TEST(Load, TakesAnnouncementsVlansAndIcmp) {
    EXPECT_TRUE(service_with("vip: 198.51.100.0/24, ports: 80, announce: {arp: true}").announce_arp);
    EXPECT_FALSE(service_with("vip: 198.51.0.0/16, ports: 80, announce: {arp: false}").announce_arp);
    auto config = parse(
        "vlans: {10: [10.1.10.0/24, \"2001:db8:10::/64\"], 4094: 10.1.20.0/24}\nicmp: {echo: false, rate: "
        "0}\n");
    ASSERT_TRUE(config) << describe("", config.error());
    EXPECT_EQ(config->vlans, (model::Vlans{{10, {prefix("10.1.10.0/24"), prefix("2001:db8:10::/64")}},
                                           {4094, {prefix("10.1.20.0/24")}}}));
    EXPECT_EQ(config->icmp, (model::Icmp{false, 0}));
}

TEST(Load, TakesABackendsPortForNat) {
    auto config =
        config_with("vip: 198.51.100.1, ports: 80, forward: nat", "[{address: 192.0.2.1, port: 8080}]");
    EXPECT_EQ(config.pools["p"].backends.at(0).port, net::Port(8080));
}

/// A file of the test's own, gone with it.
class TemporaryFile {
  public:
    explicit TemporaryFile(std::string_view bytes) {
        int fd = ::mkstemp(path_.data());
        EXPECT_EQ(::write(fd, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
        ::close(fd);
    }
    ~TemporaryFile() { ::unlink(path_.c_str()); }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    const std::string& path() const { return path_; }

  private:
    std::string path_ = "/tmp/weir-key-XXXXXX";
};

constexpr std::string_view kIds =
    "[{address: 192.0.2.1, server_id: \"0a0B\"}, {address: 192.0.2.2, server_id: 0001}]";

std::string quic_with(std::string_view config) {
    return fmt::format("vip: 198.51.100.1, ports: 443/udp, quic: {{configs: [{}]}}", config);
}

TEST(Load, TakesQuicWithItsServerIds) {
    auto config = config_with(
        quic_with(
            "{server_id_length: 2, nonce_length: 17}, {rotation: 6, server_id_length: 2, nonce_length: 4}"),
        kIds);
    EXPECT_EQ(config.services["s"].quic, (std::vector<model::QuicConfig>{{0, 2, 17, {}}, {6, 2, 4, {}}}));
    EXPECT_EQ(config.pools["p"].backends.at(0).server_id, (std::vector<uint8_t>{0x0a, 0x0b}));
    EXPECT_EQ(config.pools["p"].backends.at(1).server_id, (std::vector<uint8_t>{0, 1}));
}

TEST(Load, TakesAKeyAsHexDigitsAndAsRawBytes) {
    std::array<uint8_t, 16> key{};
    for (size_t i = 0; i < key.size(); i++) key[i] = static_cast<uint8_t>(0x10 * i + i);
    for (auto text :
         {std::string("00112233445566778899aabbccddeeff"), std::string("00112233445566778899AABBCCDDEEFF\n"),
          std::string(key.begin(), key.end())}) {
        TemporaryFile file(text);
        auto service = service_with(
            quic_with(fmt::format("{{server_id_length: 2, nonce_length: 6, key_file: {}}}", file.path())),
            kIds);
        ASSERT_EQ(service.quic.size(), 1u);
        EXPECT_EQ(service.quic[0].key, key) << text;
    }
}

TEST(Load, RefusesFilesThatHoldNoKey) {
    auto mistake = [](const std::string& path) {
        auto config = parse(fmt::format(
            "interfaces: [eth0]\npools: {{p: {{static: {}}}}}\nservices: {{s: {{pool: p, {}}}}}\n", kIds,
            quic_with(fmt::format("{{server_id_length: 2, nonce_length: 6, key_file: {}}}", path))));
        return config ? "" : describe("f", config.error());
    };
    EXPECT_EQ(mistake("/nonexistent/key"),
              "f:3:126: cannot open '/nonexistent/key', the key file; give the path of a readable file: No "
              "such file or "
              "directory\n");
    EXPECT_EQ(mistake("key"),
              "f:3:126: 'key' is not an absolute path, as a key file's must be; begin with '/'\n");
    EXPECT_EQ(mistake("/dev/zero"),
              "f:3:126: '/dev/zero' is not a regular file; give the path of a key file\n");
    for (auto bytes : {std::string(), std::string("00112233445566778899aabbccddeef"), std::string(32, 'x'),
                       std::string(17, '\1'), std::string(34, '0')}) {
        TemporaryFile file(bytes);
        EXPECT_EQ(mistake(file.path()),
                  fmt::format("f:3:126: '{}' does not hold a key; it takes 32 hex digits or 16 raw bytes\n",
                              file.path()));
    }
    TemporaryFile large(std::string(100000, '0'));
    EXPECT_EQ(
        mistake(large.path()),
        fmt::format("f:3:126: '{}' is larger than 4096 bytes; give the path of a key file\n", large.path()));
}

/// The checks of a service of which only they are given.
std::vector<Check> checks_of(std::string_view checks) {
    auto config =
        parse(fmt::format("interfaces: [eth0]\npools: {{p: {{static: [192.0.2.1]}}}}\nservices: {{s: {{vip: "
                          "192.0.2.9, ports: 80, pool: p, "
                          "checks: {}}}}}\n",
                          checks));
    EXPECT_TRUE(config) << describe("", config.error());
    return config ? config->services.at("s").checks : std::vector<Check>{};
}

TEST(Load, TakesChecksInShort) {
    std::vector<Check> tcp{Check{}}, http{Check{.kind = HttpCheck{}}};
    for (auto text : {"[tcp]", "[tcp: ]", "[{tcp: {}}]"}) EXPECT_EQ(checks_of(text), tcp) << text;
    for (auto text : {"[http]", "[http: ]", "[{http: {path: /}}]"}) EXPECT_EQ(checks_of(text), http) << text;
    EXPECT_EQ(checks_of("[]"), std::vector<Check>{});
}

TEST(Load, TakesWhatARequestSaysAndWhatAnAnswerMustContain) {
    auto checks = checks_of(
        "[{http: {method: OPTIONS, headers: {X-Check: weir, Accept: }, body: \"all is well\"}}, "
        "{tcp: {send: 'PING\\r\\n', expect: +PONG}}]");
    HttpCheck http{.method = model::HttpMethod::options,
                   .headers = {{"X-Check", "weir"}, {"Accept", ""}},
                   .body = "all is well"};
    std::vector<Check> wanted{Check{.kind = http}, Check{.kind = model::TcpCheck{"PING\r\n", "+PONG"}}};
    EXPECT_EQ(checks, wanted);
}

TEST(Load, TakesExpectedRecordsAsAnswersReadThem) {
    auto check = [](std::string_view settings) {
        auto checks = checks_of(fmt::format("[{{dns: {{name: Example.org., {}}}}}]", settings));
        return checks.empty() ? model::DnsCheck{} : std::get<model::DnsCheck>(checks[0].kind);
    };
    EXPECT_EQ(check("carrier: tcp, rcode: NXDOMAIN"),
              (model::DnsCheck{.name = "Example.org.", .rcode = "NXDOMAIN", .over_tcp = true}));
    EXPECT_EQ(check("type: AAAA, expect: \"2001:DB8:0::1\"").expect, "2001:db8::1");
    EXPECT_EQ(check("type: MX, expect: 10 Mail.example.org.").expect, "10 mail.example.org");
    EXPECT_EQ(check("type: TXT, expect: Some text.").expect, "Some text.");
}

TEST(Load, TakesProgramsWithTheirUsers) {
    auto checks = checks_of("[{exec: {command: [/bin/sh, -c, exit 0], user: root}}]");
    std::vector<Check> wanted{Check{.kind = model::ExecCheck{{"/bin/sh", "-c", "exit 0"}, 0, 0}}};
    EXPECT_EQ(checks, wanted);
}

TEST(Load, TakesStatusesAsOneAsTextAndAsAList) {
    std::vector<model::StatusRange> wanted{{200, 299}, {301, 301}};
    for (auto text :
         {"\"200-299 301\"", "200-299 301", "[200-299, 301]", "[200-299 301]", "\"200-299, 301\""})
        EXPECT_EQ(
            std::get<HttpCheck>(checks_of(fmt::format("[{{http: {{expect: {}}}}}]", text))[0].kind).expect,
            wanted)
            << text;
}

TEST(Load, TakesChecksOfOtherCarriers) {
    std::vector<Check> wanted{Check{.kind = model::SynCheck{}}, Check{.kind = model::IcmpCheck{}},
                              Check{.kind = model::UdpCheck{std::string("a\0\r", 3), "b"}},
                              Check{.kind = model::UdpCheck{"a", ""}, .port = net::Port(53)}};
    EXPECT_EQ(
        checks_of("[syn, {icmp: {}}, {udp: {send: 'a\\x00\\r', expect: b}}, {udp: {send: a}, port: 53}]"),
        wanted);
}

TEST(Load, LetsThresholdsFollowAShortHistoryAndTheTimeoutAShortInterval) {
    auto check = checks_of("[{tcp: {}, history: 1, interval: 250ms}]").at(0);
    EXPECT_EQ(check.rise, 1u);
    EXPECT_EQ(check.fall, 1u);
    EXPECT_EQ(check.timeout, 250ms);
}

TEST(Load, UsesAValueAgainByItsAlias) {
    auto config = parse(
        "interfaces: [eth0]\npools: {p: {static: [192.0.2.1]}}\nservices:\n"
        "  a: {vip: 192.0.2.8, ports: 80, pool: p, checks: &checks [{tcp: {}, port: 81}]}\n"
        "  b: {vip: 192.0.2.9, ports: 80, pool: p, checks: *checks}\n");
    ASSERT_TRUE(config) << describe("", config.error());
    EXPECT_EQ(config->services.at("b").checks, config->services.at("a").checks);
    EXPECT_EQ(config->services.at("b").checks.at(0).port, net::Port(81));
}

TEST(Load, ReadsTheExampleThatNewcomersCopy) {
    auto config = load(WEIR_SOURCE_DIR "/examples/dsr.yaml");
    ASSERT_TRUE(config) << describe("examples/dsr.yaml", config.error());
    EXPECT_EQ(config->services.at("web").vips, std::vector{net::only(ip("192.0.2.100"))});
    EXPECT_EQ(config->pools.at("web").backends.size(), 2u);
}

/// What stands in literal displays.
std::vector<std::string> examples_of_the_manual() {
    std::ifstream manual(WEIR_SOURCE_DIR "/man/weir.yaml.5");
    std::vector<std::string> examples;
    bool inside = false;
    for (std::string line; std::getline(manual, line);) {
        if (line == ".Bd -literal") examples.emplace_back();
        if (inside && line != ".Ed") examples.back() += line + "\n";
        inside = line == ".Bd -literal" || (inside && line != ".Ed");
    }
    return examples;
}

TEST(Load, ReadsTheExamplesOfTheManual) {
    auto examples = examples_of_the_manual();
    ASSERT_EQ(examples.size(), 4u);
    for (const auto& text : examples) {
        auto config = parse(text);
        EXPECT_TRUE(config) << text << describe("weir.yaml.5", config.error());
    }
}

TEST(Load, SaysThatAFileCannotBeRead) {
    EXPECT_EQ(describe("x.yaml", load("/nonexistent/x.yaml").error()),
              "x.yaml: cannot open the file; give the path of a readable file: No such file or directory\n");
    EXPECT_EQ(load("/").error().at(0).message,
              "cannot read the file; give the path of a readable file: Is a directory");
    EXPECT_EQ(load("/dev/zero").error().at(0).message, "the file is larger than 8 MiB; write less");
}

}  // namespace
}  // namespace weir::config
