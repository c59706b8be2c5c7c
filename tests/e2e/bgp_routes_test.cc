// Which VIPs routers are told, when, with which next hops and over which distance.
#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>

#include "tests/e2e/bgp_fixture.h"

namespace weir::e2e {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class BgpRoutes : public BgpTest {
  protected:
    static bool has(const lab::Bird& bird, const std::string& vip) {
        return bird.ask({"show", "route"}).find(vip + "/32") != std::string::npos;
    }
};

TEST_F(BgpRoutes, AreThoseThatFiltersLetThroughAndSaidToGoBeforeTheyGo) {
    lab::Bird bird(site_->client(), "10.1.10.1", R"(
        filter told { if (65535,0) ~ bgp_community then print "others first: ", net; accept; }
        protocol static { ipv4; route 203.0.113.0/24 blackhole; route 198.51.100.0/24 blackhole; }
        protocol bgp weir {
            local 10.1.10.1 as 65001; neighbor 10.1.10.100 as 65000; connect delay time 1; debug all;
            ipv4 { import filter told; export where proto != "weir"; };
        })");
    const auto with = [](const std::string& filters) {
        auto all = yaml(
            "asn: 65000, graceful_shutdown: 2s, peers: [{address: 10.1.10.1, asn: 65001, connect_retry: "
            "1s, " +
            filters + "}]");
        all.services =
            "  near: {vip: [192.168.102.2, 192.168.103.1, 192.168.104.1], ports: 80, pool: web}\n"
            "  own: {vip: 192.168.102.3, ports: 80, pool: web, announce: {bgp: false}}\n";
        return all;
    };
    site_->start(with("export: [192.168.102.0/24, 192.168.103.0/24], reject: 192.168.103.1"));
    ASSERT_TRUE(lab::wait_until([&] { return has(bird, kVip4) && has(bird, "192.168.102.2"); }, kSoon))
        << bird.log() << site_->daemon().log();
    for (const char* other : {"192.168.102.3", "192.168.103.1", "192.168.104.1"})
        EXPECT_FALSE(has(bird, other)) << other;
    const auto listing = site_->weir({"bgp"}).out;
    const auto line_of = [&](const std::string& vip) {
        const size_t at = listing.find(vip + "/");
        return at == listing.npos ? "" : listing.substr(at, listing.find('\n', at) - at);
    };
    EXPECT_THAT(line_of("192.168.103.1"), HasSubstr("not told: 'reject:' has a prefix around it"));
    EXPECT_THAT(line_of("192.168.104.1"), HasSubstr("not told: 'export:' has no prefix around it"));
    EXPECT_THAT(line_of(kVip6), HasSubstr("not told: 'export:' has no prefix around it"));
    EXPECT_EQ(line_of("192.168.102.3"), "") << "nobody wanted it announced";
    EXPECT_TRUE(lab::wait_until([&] { return number("prefixes_ignored_total") == 2; }, kSoon));

    ASSERT_TRUE(site_->reload(with("export: 192.168.104.0/24")));
    EXPECT_TRUE(lab::wait_until([&] { return has(bird, "192.168.104.1") && !has(bird, kVip4); }, kSoon));
    EXPECT_EQ(sessions(), 1u);

    ::kill(site_->daemon().pid(), SIGTERM);
    ASSERT_TRUE(await_said([&] { return bird.log(); }, "Administrative shutdown"));
    const auto log = bird.log();
    const size_t warned = log.find("others first: 192.168.104.1/32");
    const size_t withdrawn = log.find("removed [sole] 192.168.104.1/32");
    ASSERT_NE(warned, log.npos);
    EXPECT_LT(warned, withdrawn);
    EXPECT_LT(withdrawn, log.find("Administrative shutdown"));
}

TEST_F(BgpRoutes, HaveIpv6NextHopsForIpv4WhereTheRouterTakesThem) {
    lab::Bird bird(site_->client(), "10.1.10.1", R"(
        protocol kernel { ipv4 { export all; }; }
        protocol bgp weir {
            local 2001:db8:10::1 as 65001; neighbor 2001:db8:10::100 as 65000; connect delay time 1;
            ipv4 { import all; export none; extended next hop on; };
            ipv6 { import all; export none; };
        })");
    Frr frr(site_->dsr().backend(0), R"(
router bgp 65002
 bgp router-id 10.1.10.10
 no bgp ebgp-requires-policy
 neighbor 2001:db8:10::100 remote-as 65000
 neighbor 2001:db8:10::100 passive
 address-family ipv6 unicast
  neighbor 2001:db8:10::100 activate
 exit-address-family
)");
    start(
        "asn: 65000, router_id: 10.1.10.100, peers: ["
        "{address: \"2001:db8:10::1\", asn: 65001, connect_retry: 1s}, "
        "{address: \"2001:db8:10::10\", asn: 65002, connect_retry: 1s}]");
    const auto route = [&] { return bird.ask({"show", "route", "all", "for", kVip4}); };
    ASSERT_TRUE(await_said(route, "BGP.next_hop: 2001:db8:10::100")) << bird.log() << site_->daemon().log();
    EXPECT_TRUE(lab::wait_until([&] { return serves(kVip4); }, kSoon)) << "the router's kernel has it";

    // FRR has not been told to take them.
    ASSERT_TRUE(
        await_said([&] { return frr.ask(fmt::format("show bgp ipv6 unicast {}/128", kVip6)); }, "best"))
        << site_->daemon().log();
    EXPECT_THAT(frr.ask("show bgp ipv4 unicast"), Not(HasSubstr(kVip4)));
    EXPECT_THAT(site_->weir({"bgp"}).out,
                HasSubstr("not told: the session has no IPv4 next hop; set 'next_hop:'"));
}

TEST_F(BgpRoutes, GoAsFarAsTheHopsThatAreAllowed) {
    // 10.9.9.1 is a router behind the backend, which forwards.
    lab::Host& client = site_->client();
    lab::Host& between = site_->dsr().backend(0);
    between.forward_packets();
    for (const char* each : {"all", "eth0"})
        between.sysctl(fmt::format("net.ipv4.conf.{}.send_redirects", each), "0");
    client.add_address("lo", "10.9.9.1/32");
    client.add_route("10.1.10.100/32", "10.1.10.10");
    between.add_route("10.9.9.1/32", "10.1.10.1");
    site_->balancer().add_route("10.9.9.1/32", "10.1.10.10");
    const auto config = [](const std::string& security) {
        return fmt::format(
            "protocol bgp weir {{ local 10.9.9.1 as 65001; neighbor 10.1.10.100 as 65000; multihop 2; "
            "passive;"
            " error wait time 1, 2; ttl security {}; ipv4 {{ import all; export none; }}; }}\n",
            security);
    };
    const auto at = [](const std::string& distance) {
        return yaml("asn: 65000, peers: [{address: 10.9.9.1, asn: 65001, connect_retry: 1s" + distance +
                    "}]");
    };
    lab::Bird bird(client, "10.1.10.1", config("off"));
    site_->start(at(""));
    EXPECT_TRUE(lab::wait_until([&] { return peer().at("last_error").is_string(); }, kSoon))
        << "a router of another AS is a neighbour, unless something else is said";
    EXPECT_EQ(sessions(), 0u);
    ASSERT_TRUE(site_->reload(at(", multihop: 2")));
    EXPECT_TRUE(await_established()) << peer();

    bird.configure(config("on"));
    ASSERT_TRUE(site_->reload(at(", ttl_security: 1")));
    EXPECT_TRUE(lab::wait_until([&] { return peer().at("last_error") == "it does not answer"; }, kSoon))
        << "BIRD's answers come from further away: " << peer();
    EXPECT_EQ(sessions(), 0u);
    ASSERT_TRUE(site_->reload(at(", ttl_security: 2")));
    EXPECT_TRUE(await_established()) << peer();
    EXPECT_TRUE(lab::wait_until([&] { return has(bird, kVip4); }, kSoon));
}

/// Two hundred VIPs. What decides about two of them are files.
TEST_F(BgpRoutes, WaitForAllChecksAndGoAllAtOnce) {
    lab::TempDir files;
    std::filesystem::permissions(files.path(), std::filesystem::perms(0755));
    lab::Bird bird(site_->client(), "10.1.10.1", R"(
        protocol bgp weir {
            local 10.1.10.1 as 65001; neighbor 10.1.10.100 as 65000; connect delay time 1; debug all;
            ipv4 { import all; export none; };
            ipv6 { import all; export none; };
        })");
    auto config = yaml(
        "asn: 65000, peers: [{address: 10.1.10.1, asn: 65001, connect_retry: 1s, next_hop: "
        "\"2001:db8:10::100\"}]");
    config.settings += "announce: {learn: 1h}\n";
    config.pools = ", held: {static: [10.1.10.1]}";
    std::string many;
    for (int i = 1; i <= 197; ++i) many += fmt::format("192.168.103.{}, ", i);
    config.services = fmt::format(
        "  many: {{vip: [{}], ports: 80, pool: web}}\n"
        "  one: {{vip: 192.168.104.1, ports: 80, pool: web, checks: [{{exec: {{command: [/bin/sh, -c, "
        "'[ ! -e {} ]']}}, interval: 1s, timeout: 1s, history: 2, rise: 1, fall: 2}}]}}\n"
        "  held: {{vip: 192.168.105.1, ports: 80, pool: held, checks: [{{exec: {{command: [/bin/sh, -c, "
        "'until [ -e {} ]; do sleep 0.05; done']}}, interval: 1h, timeout: 1h, history: 1, rise: 1, "
        "fall: 1}}]}}\n",
        many.substr(0, many.size() - 2), (files / "dead").string(), (files / "said").string());
    site_->start(config);
    const auto routes = [&] { return bird.ask({"show", "route", "table", "master4", "count"}); };
    ASSERT_TRUE(await_established()) << site_->daemon().log() << bird.log();
    EXPECT_THAT(routes(), HasSubstr("0 of 0 routes"));
    EXPECT_EQ(sent("update"), 0u) << "nor that these were all";
    files.write("said", "");
    ASSERT_TRUE(await_said(routes, "200 of 200 routes")) << site_->daemon().log();

    const auto lost = [&] {
        const std::string log = bird.log();
        std::vector<std::string> lines;
        for (size_t at = 0; (at = log.find(" removed [sole] 192.168.", at)) != log.npos; ++at)
            lines.push_back(log.substr(log.rfind('\n', at) + 1, 23));
        return lines;
    };
    files.write("dead", "");
    ASSERT_TRUE(await_said(routes, "199 of 199 routes"));
    EXPECT_FALSE(has(bird, "192.168.104.1"));
    EXPECT_EQ(lost().size(), 1u) << "no other went and came";

    const auto before = sent("update");
    ASSERT_EQ(site_->weir({"disable", "10.1.10.10"}).status, 0);
    ASSERT_TRUE(await_said(routes, "1 of 1 routes"));
    EXPECT_TRUE(has(bird, "192.168.105.1"));
    EXPECT_EQ(sent("update"), before + 2) << "one decision, one message of each family";
    const auto gone = lost();
    ASSERT_EQ(gone.size(), 199u);
    std::string decided;
    const auto events = site_->get("/api/v1/events");
    for (const auto& event : events.as_array())
        if (event.at("kind") == "service_unhealthy") decided = event.at("at").as_string();
    fmt::print(
        "[  measure ] from the decision until BIRD has removed the first route: {} ms, all 198: {} ms\n",
        (time_of_day(gone[1]) - time_of_day(decided)).count(),
        (time_of_day(gone.back()) - time_of_day(decided)).count());
}

}  // namespace
}  // namespace weir::e2e
