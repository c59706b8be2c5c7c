// VIPs that nobody has a route to but by BGP: the client's host is a router with BIRD, GoBGP or FRR.
#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>
#include <cstdio>

#include "tests/e2e/bgp_fixture.h"

namespace weir::e2e {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Bgp : public BgpTest {
  protected:
    /// From the event of the decision to the router's word in its log, which has the same clock. doc/bgp.md
    /// has the numbers.
    void print_time_to_withdraw(const lab::Bird& bird) {
        std::string decided;
        const auto events = site_->get("/api/v1/events");
        for (const auto& event : events.as_array())
            if (event.at("kind") == "service_unhealthy") decided = event.at("at").as_string();
        const auto log = bird.log();
        const auto removed = log.rfind(fmt::format("removed [sole] {}/32", kVip4));
        ASSERT_NE(removed, log.npos);
        ASSERT_NE(decided, "");
        const auto line = log.rfind('\n', removed) + 1;
        // "2026-11-22T05:10:11.123Z" and "2026-11-22 05:10:11.125 <TRACE>"
        const auto took = time_of_day(log.substr(line, 23)) - time_of_day(decided);
        fmt::print("[  measure ] from the decision until BIRD has removed the route: {} ms\n", took.count());
    }
};

constexpr const char* kBird =
    "protocol kernel {{ ipv4 {{ export all; }}; }}\n"
    "protocol kernel {{ ipv6 {{ export all; }}; }}\n"
    "protocol bgp weir {{ local 10.1.10.1 as 65001; neighbor 10.1.10.100 as {}; {}"
    "hold time 9; connect delay time 1; connect retry time 1; error wait time 1, 2; debug all;"
    " ipv4 {{ import all; export none; }}; ipv6 {{ import all; export none; }}; }}\n";

TEST_F(Bgp, TellsBirdOfVipsWhileTheyAreHealthyAndOfItsEnd) {
    lab::TempDir secrets;
    const std::string key = secrets.write("bgp.key", "s3cret\n");
    ::chmod(key.c_str(), 0600);
    lab::Bird bird(site_->client(), "10.1.10.1",
                   fmt::format(kBird, 4200000001, "password \"s3cret\"; ttl security on; "));
    start(
        fmt::format("asn: 4200000001, shutdown_message: back soon, peers: [{{address: 10.1.10.1, asn: 65001, "
                    "password_file: {}, ttl_security: 1, connect_retry: 1s, next_hop: \"2001:db8:10::100\", "
                    "med: 10, prepend: 1, communities: [\"65000:100\", no-export], "
                    "large_communities: [4200000001:1:2]}}]",
                    key));
    const auto route = [&] { return bird.ask({"show", "route", "all", "for", kVip4}); };
    ASSERT_TRUE(await_said(route, "BGP.large_community")) << bird.log() << site_->daemon().log();
    EXPECT_THAT(route(), AllOf(HasSubstr("BGP.as_path: 4200000001 4200000001\n"),
                               HasSubstr("BGP.next_hop: 10.1.10.100\n"), HasSubstr("BGP.med: 10\n"),
                               HasSubstr("BGP.community: (65000,100) (65535,65281)\n"),
                               HasSubstr("BGP.large_community: (4200000001, 1, 2)\n")));
    EXPECT_TRUE(lab::wait_until([&] { return serves(kVip4); }, kSoon));
    EXPECT_TRUE(lab::wait_until([&] { return serves(fmt::format("[{}]", kVip6)); }, kSoon));

    bird.ask({"reload", "in", "weir"});
    EXPECT_TRUE(lab::wait_until([&] { return received("route_refresh") >= 2; }, kSoon));

    site_->server(0).kill();
    EXPECT_TRUE(await_said(route, "Network not found"));
    EXPECT_TRUE(established());
    print_time_to_withdraw(bird);
    site_->server(0).start();
    EXPECT_TRUE(await_said(route, "BGP.next_hop"));

    bird.ask({"restart", "weir"});
    EXPECT_TRUE(lab::wait_until([&] { return sessions() == 2 && established(); }, kSoon));
    EXPECT_TRUE(await_said(route, "BGP.next_hop"));

    ::kill(site_->daemon().pid(), SIGTERM);
    EXPECT_TRUE(await_said([&] { return bird.log(); }, "Administrative shutdown"));
    const auto log = bird.log();
    EXPECT_THAT(log, HasSubstr("back soon"));
    EXPECT_LT(log.rfind(fmt::format("removed [sole] {}/32", kVip4)), log.rfind("Administrative shutdown"))
        << "withdrawn first";
}

constexpr double kRounding = 0.01;  // of what BIRD prints; a route that is told anew is younger by far more

/// From when BIRD has the route, in seconds.
double since_midnight(const std::string& route) {
    const size_t at = route.find("[weir ");
    int hours = 0, minutes = 0;
    double seconds = 0;
    if (at == std::string::npos ||
        std::sscanf(route.c_str() + at, "[weir %d:%d:%lf]", &hours, &minutes, &seconds) != 3)
        lab::give_up("BIRD tells no time: {}", route);
    return hours * 3600 + minutes * 60 + seconds;
}

TEST_F(Bgp, KeepsBirdsRoutesWhileDaemonsChange) {
    lab::Bird bird(site_->client(), "10.1.10.1", fmt::format(kBird, 65000, ""));
    start("asn: 65000, peers: [{address: 10.1.10.1, asn: 65001, connect_retry: 1s}]");
    const auto route = [&] { return bird.ask({"show", "route", "for", kVip4}); };
    ASSERT_TRUE(await_said(route, "unicast")) << bird.log();
    const auto since = since_midnight(route());
    EXPECT_EQ(site_->daemon().replace(), 0);
    ASSERT_TRUE(await_established()) << site_->daemon().log();
    site_->daemon().kill();
    EXPECT_NEAR(since_midnight(route()), since, kRounding);
    site_->daemon().start();
    ASSERT_TRUE(await_established()) << site_->daemon().log();
    ASSERT_TRUE(await_said([&] { return bird.log(); }, "graceful restart done")) << bird.log();
    EXPECT_NEAR(since_midnight(route()), since, kRounding);
    EXPECT_THAT(bird.log(), Not(HasSubstr("removed [sole] 192.168.102.1")));
}

TEST_F(Bgp, AgreesWithBirdOnOneOfTwoConnections) {
    lab::Bird bird(site_->client(), "10.1.10.1", fmt::format(kBird, 65000, ""));
    // Connections are made, but nobody hears the other's OPEN before there are two.
    const auto held = lab::run(site_->client(), {"nft", R"(table inet held {
        chain out { type filter hook output priority 0; tcp sport 179 meta length > 80 drop; tcp dport 179 meta length > 80 drop; }
        chain in { type filter hook input priority 0; tcp sport 179 meta length > 80 drop; tcp dport 179 meta length > 80 drop; }
    })"});
    ASSERT_EQ(held.status, 0) << held.err;
    start(
        "asn: 65000, listen: 10.1.10.100, "
        "peers: [{address: 10.1.10.1, asn: 65001, connect_retry: 1s, hold_time: 3s}]");
    const auto connections = [&] {
        const auto all =
            lab::run(site_->client(), {"ss", "-Htn", "state", "established", "dst", "10.1.10.100", "and", "(",
                                       "sport", "=", ":179", "or", "dport", "=", ":179", ")"});
        return std::ranges::count(all.out, '\n');
    };
    ASSERT_TRUE(lab::wait_until([&] { return connections() == 2; }, kSoon)) << site_->daemon().log();
    ASSERT_EQ(lab::run(site_->client(), {"nft", "delete table inet held"}).status, 0);
    ASSERT_TRUE(await_established()) << site_->daemon().log() << bird.log();
    const auto before = received("keepalive");
    EXPECT_TRUE(lab::wait_until([&] { return received("keepalive") >= before + 3; }, kSoon))
        << "longer than the hold time";
    EXPECT_EQ(sessions(), 1u);
    EXPECT_TRUE(lab::wait_until([&] { return connections() == 1; }, kSoon));
    EXPECT_GE(sent("notification") + received("notification"), 1u);
    EXPECT_TRUE(await_said([&] { return bird.ask({"show", "route", "for", kVip4}); }, "unicast"));
}

TEST_F(Bgp, NoticesThatGobgpIsSilentAndTellsItAllAgain) {
    Gobgp gobgp(site_->client(), R"(
[global.config]
  as = 4200000007
  router-id = "10.1.10.1"
[[neighbors]]
  [neighbors.config]
    neighbor-address = "10.1.10.100"
    peer-as = 65000
  [neighbors.timers.config]
    connect-retry = 1
    idle-hold-time-after-reset = 1
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv4-unicast"
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv6-unicast"
)");
    // Both connect, so that one of two connections has to go.
    start(
        "asn: 65000, listen: 10.1.10.100, peers: [{address: 10.1.10.1, asn: 4200000007, hold_time: 3s, "
        "connect_retry: 1s, next_hop: \"2001:db8:10::100\", communities: [\"65000:100\"]}]");
    const auto v4 = [&] { return gobgp.ask({"global", "rib"}); };
    const auto v6 = [&] { return gobgp.ask({"global", "rib", "-a", "ipv6"}); };
    ASSERT_TRUE(await_said(v4, kVip4)) << site_->daemon().log();
    EXPECT_THAT(v4(), AllOf(HasSubstr("10.1.10.100"), HasSubstr("{Communities: 65000:100}")));
    EXPECT_TRUE(await_said(v6, "2001:db8:10::100"));
    gobgp.ask({"global", "rib", "add", "203.0.113.0/24"});
    EXPECT_TRUE(lab::wait_until([&] { return number("prefixes_ignored_total") == 1; }, kSoon));

    gobgp.process().kill(SIGSTOP);
    EXPECT_TRUE(lab::wait_until([&] { return !established(); }, kSoon));
    EXPECT_THAT(site_->daemon().log(), HasSubstr("hold timer expired: it was silent for 3 s"));
    gobgp.process().kill(SIGCONT);
    EXPECT_TRUE(lab::wait_until([&] { return sessions() == 2 && established(); }, 2 * kSoon))
        << site_->daemon().log();
    EXPECT_TRUE(await_said(v4, kVip4));
}

TEST_F(Bgp, TellsFrrInItsOwnAsOverIpv6) {
    Frr frr(site_->client(), R"(
router bgp 65000
 bgp router-id 10.1.10.1
 timers bgp 3 9
 neighbor 2001:db8:10::100 remote-as 65000
 neighbor 2001:db8:10::100 passive
 neighbor 2001:db8:10::100 capability extended-nexthop
 address-family ipv6 unicast
  neighbor 2001:db8:10::100 activate
  network 2001:db8:113::/48
 exit-address-family
)");
    start(
        "asn: 65000, router_id: 10.1.10.100, peers: [{address: \"2001:db8:10::1\", asn: 65000, "
        "connect_retry: 1s, local_pref: 250, communities: [\"65000:100\"], large_communities: [65000:1:2]}]");
    const auto v4 = [&] { return frr.ask(fmt::format("show bgp ipv4 unicast {}/32", kVip4)); };
    ASSERT_TRUE(await_said(v4, "best")) << site_->daemon().log();
    EXPECT_THAT(v4(), AllOf(HasSubstr("2001:db8:10::100 from 2001:db8:10::100 (10.1.10.100)"),
                            HasSubstr("localpref 250"), HasSubstr("internal"),
                            HasSubstr("Community: 65000:100"), HasSubstr("Large Community: 65000:1:2")));
    EXPECT_THAT(frr.ask(fmt::format("show bgp ipv6 unicast {}/128", kVip6)), HasSubstr("localpref 250"));
    const auto listing = site_->weir({"bgp"});
    EXPECT_THAT(listing.out, AllOf(HasSubstr("AS 65000, router id 10.1.10.100"), HasSubstr("established"),
                                   HasSubstr("192.168.102.1/32")));

    // What is new about the attributes reaches it over the session that is.
    auto changed = yaml(
        "asn: 65000, router_id: 10.1.10.100, peers: [{address: \"2001:db8:10::1\", asn: 65000, "
        "connect_retry: 1s, local_pref: 150}]");
    ASSERT_TRUE(site_->reload(changed));
    EXPECT_TRUE(await_said(v4, "localpref 150"));
    frr.ask("clear bgp ipv6 unicast 2001:db8:10::100 soft in");
    EXPECT_TRUE(lab::wait_until([&] { return received("route_refresh") >= 1; }, kSoon));
    EXPECT_TRUE(lab::wait_until([&] { return number("prefixes_ignored_total") == 1; }, kSoon));
    EXPECT_EQ(sessions(), 1u);

    frr.ask("clear bgp 2001:db8:10::100");
    EXPECT_TRUE(lab::wait_until([&] { return sessions() == 2 && established(); }, kSoon));
}

TEST_F(Bgp, TellsFrrThatConnectsOverIpv6SignedAndNear) {
    lab::TempDir secrets;
    const std::string key = secrets.write("bgp.key", "s3cret\n");
    ::chmod(key.c_str(), 0600);
    Frr frr(site_->client(), R"(
router bgp 65001
 bgp router-id 10.1.10.1
 no bgp ebgp-requires-policy
 timers bgp 3 9
 neighbor 2001:db8:10::100 remote-as 4200000001
 neighbor 2001:db8:10::100 timers connect 1
 neighbor 2001:db8:10::100 password s3cret
 neighbor 2001:db8:10::100 ttl-security hops 1
 address-family ipv6 unicast
  neighbor 2001:db8:10::100 activate
 exit-address-family
)");
    const auto bgp = [&](const std::string& more) {
        return fmt::format(
            "asn: 4200000001, router_id: 10.1.10.100, listen: \"2001:db8:10::100\", "
            "peers: [{{address: \"2001:db8:10::1\", asn: 65001, connect_retry: 1s, ttl_security: 1, "
            "next_hop: 10.1.10.100, med: 7, {}}}]",
            more);
    };
    start(bgp("passive: true, password_file: " + key));
    const auto v6 = [&] { return frr.ask(fmt::format("show bgp ipv6 unicast {}/128", kVip6)); };
    ASSERT_TRUE(await_said(v6, "best")) << site_->daemon().log();
    EXPECT_THAT(v6(), AllOf(HasSubstr("4200000001"), HasSubstr("2001:db8:10::100 from 2001:db8:10::100"),
                            HasSubstr("metric 7"), HasSubstr("external")));
    EXPECT_TRUE(await_said([&] { return frr.ask(fmt::format("show bgp ipv4 unicast {}/32", kVip4)); },
                           "10.1.10.100 from"));

    // It hears nobody who does not know the password.
    ASSERT_TRUE(site_->reload(yaml(bgp("hold_time: 10s"))));
    EXPECT_TRUE(lab::wait_until(
        [&] { return peer().at("last_error") == "it does not answer" && !established(); }, kSoon))
        << site_->daemon().log();
}

}  // namespace
}  // namespace weir::e2e
