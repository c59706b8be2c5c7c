// What the proxy does not do is refused with what it does.
#include "config/mistakes_in.h"

namespace weir::config {
namespace {

/// The mistakes of one service that a proxy carries; `settings` begins at 3:32.
std::string with_proxy(std::string_view settings, std::string_view pools = kPools) {
    return mistakes_in(
        fmt::format("\n{}services: {{s: {{forward: proxy, {}, pool: p}}}}\n", pools, settings));
}

void expect_each(const std::vector<Row>& rows) {
    for (const auto& [text, mistakes] : rows) EXPECT_EQ(with_proxy(text), mistakes) << text;
}

constexpr std::string_view kBoth = "vip: 198.51.100.1, ports: [80, 53/udp], proxy: ";
constexpr std::string_view kTcp = "vip: 198.51.100.1, ports: 80, proxy: ";
constexpr std::string_view kUdp = "vip: 198.51.100.1, ports: 53/udp, proxy: ";

TEST(ProxyMistakes, OfWhatItTakesNone) {
    expect_each({
        {"vip: 198.51.100.1, ports: [80, 53/udp]", ""},
        {"vip: [198.51.100.1, \"2001:db8::1\"], ports: 80, scheduler: {maglev: {size: 251}}, sticky: source",
         ""},
        {"vip: 198.51.100.1, ports: 80, announce: {bgp: {med: 5}}, checks: [tcp, icmp]", ""},
        {"vip: \"2001:db8::1\", ports: 80, scheduler: random", ""},
    });
}

TEST(ProxyMistakes, OfEnginesAndMethodsThatDoNotFit) {
    expect_all(
        {
            {"engine: xdp, forward: proxy",
             "f:3:77: forward 'proxy' is not for this engine; write dsr, ipip, gre, fou, gue, dscp or nat\n"},
            {"engine: ipvs, forward: proxy",
             "f:3:78: forward 'proxy' is not for this engine; write dsr, ipip, gre, gue or nat\n"},
            {"engine: proxy, forward: nat", "f:3:79: forward 'nat' is not for this engine; write proxy\n"},
            {"engine: proxy, forward: {gue: {port: 6081}}",
             "f:3:80: forward 'gue' is not for this engine; write proxy\n"},
            {"engine: nfqueue, forward: proxy",
             "f:3:63: engine 'nfqueue' is not available in this version; xdp, ipvs and proxy are\n"},
            {"forward: {proxy: {connect_timeout: 1s}}",
             "f:3:72: 'forward: proxy' has no settings here; write them beside it, as 'proxy: {…}'\n"},
            {"forward: dsr, proxy: {retries: 1}",
             "f:3:76: 'proxy' is for services with 'forward: proxy'; add that, or leave it out\n"},
            {"engine: ipvs, proxy: {retries: 1}",
             "f:3:76: 'proxy' is for services with 'forward: proxy'; add that, or leave it out\n"},
            {"forward: proxy, ipvs: {one_packet: true}",
             "f:3:77: 'ipvs' is for services with 'engine: ipvs'; add that, or leave it out\n"},
            {"forward: proxy, scheduler: sh",
             "f:3:82: scheduler 'sh' is not for this engine; write maglev, rendezvous, wlc, rr or random\n"},
        },
        fmt::format("{}{}services: {{s: {{vip: 198.51.100.1, ports: 80, pool: p, ", kInterfaces, kPools),
        "}}\n");
}

TEST(ProxyMistakes, OfWhatCannotBeListenedAt) {
    constexpr std::string_view kPorts =
        "service 's' has 'forward: proxy', which takes single ports of tcp and udp; write those\n";
    auto at = [](std::string_view place, std::string_view what) {
        return fmt::format("f:{}: {}", place, what);
    };
    EXPECT_EQ(with_proxy("vip: 198.51.100.0/28, ports: 80"),
              "f:3:37: service 's' has 'forward: proxy', which takes no prefix; write addresses\n");
    for (auto ports : {"80-90", "any/tcp", "any", "5060/sctp", "any/gre"})
        EXPECT_EQ(with_proxy(fmt::format("vip: 198.51.100.1, ports: {}", ports)), at("3:58", kPorts))
            << ports;
    expect_each({
        {"vip: 198.51.100.1, ports: 80, announce: {arp: true}",
         "f:3:78: service 's' has 'forward: proxy', whose VIPs are addresses of this host: the kernel "
         "answers for them; leave 'arp' out\n"},
        {"mark: 7",
         "f:3:38: 'mark' is of 'engine: ipvs'; add that, or write 'vip' and 'ports' in its place\n"},
    });
    EXPECT_EQ(with_proxy("vip: 198.51.100.1, ports: 443/udp, quic: {configs: [{server_id_length: 1, "
                         "nonce_length: 4}]}",
                         "pools: {p: {static: [{address: 192.0.2.1, server_id: 01}]}}\n"),
              "f:3:84: 'quic' is of 'engine: xdp'; leave it out, or use that engine\n");
    EXPECT_EQ(with_proxy("vip: 198.51.100.1, ports: 80",
                         "pools: {p: {static: [{address: 192.0.2.1, max_connections: 9, min_connections: "
                         "8}]}}\n"),
              "f:2:80: 'min_connections' is for 'engine: ipvs', and service 's' has 'proxy'; leave it out or "
              "give the service another pool\n");
}

TEST(ProxyMistakes, OfValues) {
    auto settings = [](std::string_view text) { return with_proxy(fmt::format("{}{{{}}}", kBoth, text)); };
    for (const auto& [text, mistakes] : std::vector<Row>{
             {"connect_timeout: 1ms",
              "f:3:97: 1ms is out of range; 'connect_timeout' takes a duration from 10ms to 1h\n"},
             {"send_header: v3", "f:3:93: unknown send_header 'v3'; did you mean 'v1'?\n"},
             {"bandwidth: 10mb",
              "f:3:91: '10mb' is not a rate; write a whole number of bytes a second, or one with its unit: "
              "500kB, 10MB, 1GB or 100Mbit\n"},
             {"bandwidth: -5MB",
              "f:3:91: '-5MB' is not a rate; write a whole number of bytes a second, or one with its unit: "
              "500kB, 10MB, 1GB or 100Mbit\n"},
             {"bandwidth: 999", "f:3:91: 999 is out of range; write a rate from 1kB to 1000GB a second\n"},
             {"connection_bandwidth: 99999999999999999999GB",
              "f:3:102: 99999999999999999999GB is out of range; write a rate from 1kB to 1000GB a second\n"},
             {"connection_bandwidth: 8001Gbit",
              "f:3:102: 8001Gbit is out of range; write a rate from 1kB to 1000GB a second\n"},
             {"retrys: 1", "f:3:80: unknown key 'retrys'; did you mean 'retries'?\n"},
         })
        EXPECT_EQ(settings(text), mistakes) << text;
    expect_all(
        {
            {"{workers: 0}", "f:1:18: 0 is out of range; 'workers' takes a number from 1 to 1024\n"},
            {"{busy_poll: 2s}", "f:1:20: 2s is out of range; 'busy_poll' takes a duration from 1ms to 1s\n"},
            {"{retries: 2}",
             "f:1:9: unknown key 'retries'; proxy takes workers, max_connections, busy_poll, pipe_size\n"},
        },
        "proxy: ", "\n");
}

TEST(ProxyMistakes, OfSettingsThatDoNothingWithThePortsThatThereAre) {
    for (auto text : {"udp_timeout: 5s", "udp_sessions: 9", "one_packet: true", "one_packet: false"}) {
        auto name = std::string_view(text).substr(0, std::string_view(text).find(':'));
        EXPECT_EQ(
            with_proxy(fmt::format("{}{{{}}}", kTcp, text)),
            fmt::format("f:3:{}: '{}' is for udp, and service 's' has no udp port; leave it out, or add "
                        "such a port\n",
                        72 + name.size(), name));
        EXPECT_EQ(with_proxy(fmt::format("{}{{{}}}", kUdp, text)), "");
        EXPECT_EQ(with_proxy(fmt::format("{}{{{}}}", kBoth, text)), "");
    }
    for (auto text : {"connect_timeout: 5s", "idle_timeout: 5s", "keepalive: 5s", "fast_open: true"}) {
        auto name = std::string_view(text).substr(0, std::string_view(text).find(':'));
        EXPECT_EQ(
            with_proxy(fmt::format("{}{{{}}}", kUdp, text)),
            fmt::format("f:3:{}: '{}' is for tcp, and service 's' has no tcp port; leave it out, or add "
                        "such a port\n",
                        76 + name.size(), name));
        EXPECT_EQ(with_proxy(fmt::format("{}{{{}}}", kTcp, text)), "");
        EXPECT_EQ(with_proxy(fmt::format("{}{{{}}}", kBoth, text)), "");
    }
}

TEST(ProxyMistakes, OfAHeaderThatDatagramsCannotHave) {
    EXPECT_EQ(with_proxy(fmt::format("{}{{send_header: v2, accept_header: true}}", kTcp)), "");
    EXPECT_EQ(with_proxy(fmt::format("{}{{send_header: none, accept_header: false}}", kUdp)), "");
    for (std::string name : {"send_header: v1", "send_header: v2", "accept_header: true"})
        for (const auto& [before, column] : {std::pair(kUdp, 76), std::pair(kBoth, 82)}) {
            const auto word = name.substr(0, name.find(':'));
            EXPECT_EQ(with_proxy(fmt::format("{}{{{}}}", before, name)),
                      fmt::format("f:3:{}: '{}' is for tcp, and service 's' has a udp port; leave it out, or "
                                  "give that port a service of its own\n",
                                  column + word.size(), word));
        }
}

TEST(ProxyMistakes, OfBackendsThatHaveNoAddressForTheClientsOwn) {
    constexpr std::string_view kSix = "pools: {p: {static: [\"2001:db8::9\"]}}\n";
    EXPECT_EQ(with_proxy("vip: 198.51.100.1, ports: 80", kSix), "") << "a proxy crosses families";
    EXPECT_EQ(with_proxy("vip: \"2001:db8::1\", ports: 80, proxy: {transparent: true}", kSix), "");
    EXPECT_EQ(
        with_proxy("vip: [\"2001:db8::1\", 198.51.100.1], ports: 80, proxy: {transparent: true}", kSix),
        "f:2:22: backend 2001:db8::9 is of another family than the VIP 198.51.100.1 of service 's', and "
        "so than its clients; leave 'transparent' out, or give each family a service and a pool\n");
}

TEST(ProxyMistakes, OfVipsThatOtherEnginesHave) {
    EXPECT_EQ(with_proxy("vip: 198.51.100.1, ports: 80, pool: p}, x: {vip: 198.51.100.0/28, ports: 81"),
              "f:3:37: the VIP 198.51.100.1 is in service 'x' too, which has 'engine: xdp' and sees its "
              "packets first; give each engine VIPs of its own\n"
              "f:3:72: service 'x' has no interface to take packets from; add 'interfaces: [NAME]'\n");
    EXPECT_EQ(with_proxy("vip: 198.51.100.1, ports: 80, pool: p}, i: {engine: ipvs, vip: 198.51.100.1, "
                         "ports: 81"),
              "f:3:37: the VIP 198.51.100.1 is in service 'i' too, which has 'engine: ipvs'; give each "
              "engine VIPs of its own\n");
    EXPECT_EQ(
        with_proxy("vip: 198.51.100.1, ports: 80, pool: p}, t: {forward: proxy, vip: 198.51.100.1, "
                   "ports: 80"),
        "f:3:118: 198.51.100.1:80/tcp is already in service 's' at line 3; choose another port or VIP\n");
}

}  // namespace
}  // namespace weir::config
