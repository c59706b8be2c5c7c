#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>

#include "config/mistakes_in.h"
#include "config/settings.h"

namespace weir::config {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

net::Ip ip(std::string_view text) {
    return net::Ip::parse(text).value();
}

model::Config read(std::string_view yaml) {
    auto config = parse(yaml);
    EXPECT_TRUE(config) << describe("", config.error());
    return config ? *config : model::Config{};
}

/// Holds a secret as long as it lives.
class SecretFile {
  public:
    explicit SecretFile(std::string_view text, mode_t mode = 0600)
        : path_(fmt::format("{}/weir-bgp-test.{}", testing::TempDir(), ::getpid())) {
        std::ofstream(path_) << text;
        ::chmod(path_.c_str(), mode);
    }
    ~SecretFile() { ::unlink(path_.c_str()); }
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

TEST(ConfigBgp, ReadsEverySetting) {
    SecretFile secret("s3cret\n");
    auto bgp = read(fmt::format(R"(
bgp:
  asn: 4200000000
  router_id: 10.1.10.100
  listen: [10.1.10.100, "[2001:db8::1]:1790"]
  drain: 4s
  graceful_shutdown: 1m
  restart_time: 90s
  shutdown_message: back soon
  peers:
    - {{address: 10.1.10.1, asn: 65001, hold_time: 9s, password_file: {}, med: 10, local_pref: 200,
       communities: ["65000:100", no-export], export: [192.168.0.0/16]}}
    - address: 2001:db8::7
      asn: 4200000000
      port: 1179
      description: the other one
      source: 2001:db8::1
      connect_retry: 30s
      passive: true
      ttl_security: 2
      next_hop: [10.1.10.100, 2001:db8::1]
      prepend: 3
      large_communities: 65000:1:4294967295
      reject: [192.168.9.0/24, 192.168.10.1]
)",
                                secret.path()))
                   .bgp;
    model::Bgp wanted{.asn = 4200000000,
                      .router_id = ip("10.1.10.100"),
                      .listen = {{ip("10.1.10.100"), net::Port(179)}, {ip("2001:db8::1"), net::Port(1790)}},
                      .drain = 4s,
                      .graceful_shutdown = 60s,
                      .restart_time = 90s,
                      .shutdown_message = "back soon"};
    model::BgpPeer one{.address = ip("10.1.10.1"), .asn = 65001, .password = "s3cret", .hold_time = 9s};
    one.attributes = {.med = 10, .local_pref = 200, .communities = {0xfde80064, 0xffffff01}};
    one.accept = {*net::Prefix::parse("192.168.0.0/16")};
    model::BgpPeer two{.address = ip("2001:db8::7"), .asn = 4200000000, .port = net::Port(1179)};
    two.description = "the other one";
    two.source = two.next_hop_v6 = ip("2001:db8::1");
    two.connect_retry = 30s;
    two.passive = true;
    two.ttl_security = 2;
    two.next_hop_v4 = ip("10.1.10.100");
    two.attributes = {.prepend = 3, .large_communities = {{65000, 1, 4294967295}}};
    two.reject = {*net::Prefix::parse("192.168.9.0/24"), *net::Prefix::parse("192.168.10.1/32")};
    wanted.peers = {one, two};
    EXPECT_EQ(bgp, wanted);
}

TEST(ConfigBgp, HasTheDefaultsThatTheTablesSay) {
    std::string all, of_peer;
    for (const auto& setting : kBgp.settings)
        if (!setting.fallback.empty() && setting.name != "router_id")
            all += fmt::format("{}: {}, ", setting.name, setting.fallback);
    for (auto name : {"port", "hold_time", "connect_retry", "passive"})
        of_peer += fmt::format(", {}: {}", name, kBgpPeer.find(name)->fallback);
    auto written =
        read(fmt::format("bgp: {{{}asn: 1, peers: [{{address: 10.0.0.1, asn: 2{}}}]}}\n", all, of_peer));
    EXPECT_EQ(written, read("bgp: {asn: 1, peers: [{address: 10.0.0.1, asn: 2}]}\n"));
    EXPECT_EQ(written.bgp, (model::Bgp{.asn = 1, .peers = {{.address = ip("10.0.0.1"), .asn = 2}}}));
}

TEST(ConfigBgp, GivesServicesAttributesOfTheirOwn) {
    auto config = read(R"(
interfaces: [eth0]
pools: {p: {static: [192.0.2.1]}}
services:
  a: {vip: 192.0.2.9, ports: 80, pool: p}
  b: {vip: 192.0.2.9, ports: 443, pool: p, announce: {bgp: {med: 7, communities: "1:2"}}}
  c: {vip: 192.0.2.8, ports: 80, pool: p, announce: {bgp: false}}
  d: {vip: 192.0.2.7, ports: 80, pool: p, announce: {bgp: true, arp: true}}
)");
    EXPECT_EQ(config.services.at("a").bgp, model::BgpAttributes{});
    EXPECT_EQ(config.services.at("b").bgp, (model::BgpAttributes{.med = 7, .communities = {0x10002}}));
    EXPECT_EQ(config.services.at("c").bgp, std::nullopt);
    EXPECT_EQ(config.services.at("d").bgp, model::BgpAttributes{});
    EXPECT_TRUE(config.services.at("d").announce_arp);
}

TEST(ConfigBgp, SaysWhatIsWrong) {
    expect_all(
        {
            {"asn: 0, peers: []",
             "f:1:12: 0 is out of range; 'asn' takes a number from 1 to 4294967294\n"
             "f:1:22: 'peers' is an empty list; write a list of bgp peer settings\n"},
            {"asn: 65535, peers: [{address: 10.0.0.1, asn: 4294967295}]",
             "f:1:12: AS 65535 is reserved (RFC 7300); write the AS's own number, or one of those for "
             "private "
             "use, 64512 to 65534\n"
             "f:1:52: 4294967295 is out of range; 'asn' takes a number from 1 to 4294967294\n"},
            {"asn: 1, peers: [{address: 10.0.0.1, asn: 23456}]",
             "f:1:48: AS 23456 stands for those of four bytes where they do not fit (AS_TRANS, RFC 6793); "
             "write the AS's own number\n"},
            {"asn: 1, peers: [{address: fe80::1, asn: 2}]",
             "f:1:33: fe80::1 is not an address that a session can have; write a unicast address that is "
             "not "
             "link-local\n"},
            {"asn: 1, peers: [{address: 10.0.0.1, asn: 2, hold_time: 2s}]",
             "f:1:62: a hold time of 2 s is not allowed; write 3s at least, or 0s\n"},
            {"asn: 1, peers: [{address: 10.0.0.1, asn: 2}, {address: 10.0.0.1, asn: 3}]",
             "f:1:62: peer 10.0.0.1 is in the list twice; keep one of the two\n"},
            {"asn: 1, peers: [{address: 10.0.0.1, asn: 2, source: \"::2\"}]",
             "f:1:59: ::2 and the peer's address 10.0.0.1 are not of one family; write an address of the "
             "peer's\n"},
            {"asn: 1, peers: [{address: 10.0.0.1, asn: 2, communities: [1:65536]}]",
             "f:1:65: '1:65536' is no community; write two numbers up to 65535 such as 65000:100, or a name "
             "such "
             "as no-export\n"},
            {"asn: 1, peers: [{address: 10.0.0.1, asn: 2, large_communities: [\"1:2\"]}]",
             "f:1:71: '1:2' is no large community; write three numbers such as 65000:1:2\n"},
            {"asn: 1, peers: [{address: 10.0.0.1, asn: 2, next_hop: [10.0.0.2, 10.0.0.3]}]",
             "f:1:72: there is a next hop for IPv4 already; write one of each family\n"},
            {"asn: 1, peers: [{address: 10.0.0.1, asn: 2, multihop: 3, ttl_security: 3}]",
             "f:1:61: 'ttl_security' says how far away the peer is; leave 'multihop' out\n"},
            {"asn: 1, peers: [{address: 10.0.0.1, asn: 2, passive: true}]",
             "f:1:22: a passive peer has nowhere to connect to; add 'listen: [ADDRESS]'\n"},
            {"asn: 1, router_id: \"::1\", peers: [{address: 10.0.0.1, asn: 2}]",
             "f:1:26: '::1' is no router id; write an IPv4 address of this host's\n"},
            {"asn: 1, peers: [{address: 10.0.0.1, asn: 2, bfd: maybe}]",
             "f:1:56: bfd 'maybe' is not known; write true, false, or a mapping of bfd settings\n"},
            {"asn: 1, peers: [{address: 10.0.0.1, asn: 2, bfd: {interval: 5ms, multiplier: 0}}]",
             "f:1:67: 5ms is out of range; 'interval' takes a duration from 10ms to 10s\n"
             "f:1:84: 0 is out of range; 'multiplier' takes a number from 1 to 50\n"},
        },
        "bgp: {", "}\n");
}

TEST(ConfigBgp, TakesBfdInWordsAndAsAMapping) {
    auto bfd = [](const std::string& text) {
        auto config = parse(fmt::format("bgp: {{asn: 1, peers: [{{address: 10.0.0.1, asn: 2{}}}]}}\n", text));
        EXPECT_TRUE(config) << describe("f", config.error());
        return config ? config->bgp.peers.at(0).bfd : std::nullopt;
    };
    EXPECT_EQ(bfd(""), std::nullopt);
    EXPECT_EQ(bfd(", bfd: false"), std::nullopt);
    EXPECT_EQ(bfd(", bfd: true"), (model::Bfd{std::chrono::milliseconds(100), 3, std::nullopt}));
    EXPECT_EQ(bfd(", bfd: {interval: 50ms, multiplier: 5, multihop: true}"),
              (model::Bfd{std::chrono::milliseconds(50), 5, true}));
}

TEST(ConfigBgp, TakesTheExamples) {
    auto config = load(WEIR_SOURCE_DIR "/examples/bgp.yaml");
    ASSERT_TRUE(config) << describe("examples/bgp.yaml", config.error());
    EXPECT_EQ(config->bgp.peers.size(), 2u);
    auto loopback = load(WEIR_SOURCE_DIR "/examples/bgp-loopback.yaml");
    ASSERT_TRUE(loopback) << describe("examples/bgp-loopback.yaml", loopback.error());
    EXPECT_EQ(loopback->bgp.peers.at(0).source, ip("127.0.0.2"));
}

TEST(ConfigBgp, WantsOneSetOfAttributesForAVip) {
    EXPECT_THAT(mistakes_in(R"(interfaces: [eth0]
pools: {p: {static: [192.0.2.1]}}
services:
  a: {vip: 192.0.2.9, ports: 80, pool: p, announce: {bgp: {med: 6}}}
  b: {vip: 192.0.2.9, ports: 443, pool: p, announce: {bgp: {med: 7}}}
)"),
                HasSubstr("f:5:60: services 'a' and 'b' give 192.0.2.9/32 other BGP attributes"));
}

TEST(ConfigBgp, KeepsPasswordsSecret) {
    auto with = [](const SecretFile& file) {
        return mistakes_in(fmt::format(
            "bgp: {{asn: 1, peers: [{{address: 10.0.0.1, asn: 2, password_file: {}}}]}}\n", file.path()));
    };
    EXPECT_THAT(with(SecretFile("s3cret", 0644)), HasSubstr("set its mode to 0600"));
    auto longer = with(SecretFile(std::string(81, 's')));
    EXPECT_THAT(longer, HasSubstr("does not hold a password of 1 to 80 bytes"));
    EXPECT_THAT(longer, testing::Not(HasSubstr("sss")));
    EXPECT_THAT(with(SecretFile("\n")), HasSubstr("does not hold a password"));
}

}  // namespace
}  // namespace weir::config
