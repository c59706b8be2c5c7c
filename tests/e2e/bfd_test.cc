// BFD with real routers: a path that is gone ends the BGP session long before the hold time does.
#include <gmock/gmock.h>
#include <sched.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <deque>
#include <filesystem>

#include "tests/e2e/bgp_fixture.h"

namespace weir::e2e {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// BIRD with both families to another AS, and what it says of BFD packets.
constexpr const char* kBird = R"(
protocol kernel { ipv4 { export all; }; }
protocol kernel { ipv6 { export all; }; }
protocol bfd { interface "*" { interval 50 ms; multiplier 3; }; multihop { interval 50 ms; multiplier 3; };
               debug { events, packets }; }
template bgp any { bfd on; hold time 90; connect delay time 1; connect retry time 1; error wait time 1, 2;
                   debug { events, states, routes };
                   ipv4 { import all; export none; }; ipv6 { import all; export none; }; }
)";
constexpr const char* kFast = "hold_time: 90s, connect_retry: 1s, bfd: {interval: 50ms, multiplier: 3";

class Bfd : public BgpTest {
  protected:
    boost::json::value bfd(size_t i = 0) { return peer(i).at("bfd"); }
    bool is_up(size_t i = 0) { return bfd(i).at("state") == "up" && bfd(i).at("remote_state") == "up"; }
    uint64_t ups(size_t i = 0) { return bfd(i).at("up_total").to_number<uint64_t>(); }
    /// With the intervals that both ends wish for.
    [[nodiscard]] bool await_fast(size_t i = 0) {
        return lab::wait_until(
            [&] { return is_up(i) && bfd(i).at("detection_time_seconds").to_number<double>() == 0.15; },
            kSoon);
    }
    /// In and out, on the router.
    void cut() {
        const auto done = lab::run(site_->client(), {"nft", R"(table inet cut {
            chain in { type filter hook input priority 0; iifname eth0 drop; }
            chain out { type filter hook output priority 0; oifname eth0 drop; }
        })"});
        ASSERT_EQ(done.status, 0) << done.err;
    }
    void mend() { ASSERT_EQ(lab::run(site_->client(), {"nft", "delete table inet cut"}).status, 0); }
    std::vector<std::string> events(const char* kind) {
        std::vector<std::string> messages;
        const auto all = site_->get("/api/v1/events");
        for (const auto& event : all.as_array())
            if (event.at("kind") == kind) messages.emplace_back(event.at("message").as_string());
        return messages;
    }
};

TEST_F(Bfd, EndsSessionsWithBirdWhenThePathIsGone) {
    lab::Bird bird(site_->client(), "10.1.10.1", std::string(kBird) + R"(
# BFD goes on when the BGP session has ended.
protocol static { ipv4; route 192.0.2.0/24 via 10.1.10.100 bfd; }
protocol bgp four from any { local 10.1.10.1 as 65001; neighbor 10.1.10.100 as 65000; }
protocol bgp six from any { local 2001:db8:10::1 as 65001; neighbor 2001:db8:10::100 as 65000; }
)");
    start(
        fmt::format("asn: 65000, router_id: 10.1.10.100, peers: [{{address: 10.1.10.1, asn: 65001, {0}}}}}, "
                    "{{address: \"2001:db8:10::1\", asn: 65001, {0}}}}}]",
                    kFast));
    const auto route = [&] { return bird.ask({"show", "route", "for", kVip4}); };
    const auto sessions_of_bird = [&] { return bird.ask({"show", "bfd", "sessions"}); };
    for (size_t i : {0, 1}) {
        ASSERT_TRUE(await_established(i)) << site_->daemon().log() << bird.log();
        ASSERT_TRUE(await_fast(i)) << sessions_of_bird() << site_->weir({"bgp"}).out;
        EXPECT_EQ(bfd(i).at("multihop"), false);
        EXPECT_EQ(bfd(i).at("transmit_interval_seconds").to_number<double>(), 0.05);
    }
    EXPECT_THAT(sessions_of_bird(), AllOf(HasSubstr("10.1.10.100"), HasSubstr("2001:db8:10::100"),
                                          HasSubstr("0.050    0.150"), Not(HasSubstr("Down"))));
    ASSERT_TRUE(await_said(route, "unicast"));

    cut();
    for (size_t i : {0, 1}) {
        ASSERT_TRUE(lab::wait_until([&] { return !established(i); }, kSoon));
        EXPECT_EQ(peer(i).at("last_error"), "BFD is down: nothing has come for the detection time");
        EXPECT_EQ(bfd(i).at("diagnostic"), "detection_time_expired");
    }
    EXPECT_TRUE(await_said(route, "Network not found"));
    EXPECT_THAT(bird.log(), HasSubstr("four: BFD session down"));
    EXPECT_EQ(events("bfd_down").size(), 2u);
    EXPECT_THAT(site_->weir({"bgp"}).out, HasSubstr("detection_time_expired"));
    mend();
    for (size_t i : {0, 1}) {
        EXPECT_TRUE(await_established(i)) << site_->daemon().log();
        EXPECT_TRUE(await_fast(i));
    }
    EXPECT_TRUE(await_said(route, "unicast"));
    EXPECT_EQ(events("bfd_up").size(), 4u);

    ::kill(site_->daemon().pid(), SIGTERM);
    ASSERT_TRUE(await_said([&] { return bird.log(); }, "CTL received from 10.1.10.100 [AdminDown"));
    EXPECT_LT(bird.log().rfind("Administrative shutdown"), bird.log().find("[AdminDown"));
}

TEST_F(Bfd, GoesOnWhileDaemonsChangeAndEndsWithACrash) {
    lab::Bird bird(site_->client(), "10.1.10.1", std::string(kBird) + R"(
protocol direct { ipv4; }
protocol bgp inside from any { local 10.1.10.1 as 65000; neighbor 10.1.10.100 as 65000; }
)");
    start(fmt::format("asn: 65000, peers: [{{address: 10.1.10.1, asn: 65000, {}}}}}]", kFast));
    ASSERT_TRUE(await_fast()) << site_->weir({"bgp"}).out << bird.log();
    EXPECT_EQ(bfd().at("multihop"), true) << "as BIRD has it inside an AS";
    EXPECT_THAT(bird.ask({"show", "bfd", "sessions"}), HasSubstr("---"));
    const auto route = [&] { return bird.ask({"show", "route", "for", kVip4}); };
    ASSERT_TRUE(await_said(route, "unicast"));

    EXPECT_EQ(site_->daemon().replace(), 0);
    ASSERT_TRUE(await_established()) << site_->daemon().log();
    ASSERT_TRUE(await_fast()) << bird.log();
    EXPECT_EQ(ups(), 0u) << "up all the time\n" << site_->daemon().log();
    EXPECT_THAT(bird.log(), AllOf(HasSubstr("graceful restart done"), Not(HasSubstr("from Up to Down")),
                                  Not(HasSubstr("removed [sole] 192.168.102.1"))));

    site_->daemon().kill();
    EXPECT_TRUE(await_said(route, "Network not found"));
    EXPECT_THAT(bird.log(),
                AllOf(HasSubstr("Session to 10.1.10.100 expired"), HasSubstr("BFD session down")));
}

TEST_F(Bfd, HearsFrrSayThatNothingReachesIt) {
    Frr frr(site_->client(), R"(
router bgp 65000
 bgp router-id 10.1.10.1
 timers bgp 30 90
 neighbor 2001:db8:10::100 remote-as 65000
 neighbor 2001:db8:10::100 passive
 neighbor 2001:db8:10::100 bfd 3 50 50
 neighbor 2001:db8:10::100 capability extended-nexthop
 address-family ipv6 unicast
  neighbor 2001:db8:10::100 activate
 exit-address-family
)",
            Frr::Daemons::all);
    start(
        fmt::format("asn: 65000, router_id: 10.1.10.100, peers: [{{address: \"2001:db8:10::1\", asn: 65000, "
                    "{}, multihop: false}}}}]",
                    kFast));
    const auto peers = [&] { return frr.ask("show bfd peers", "bfdd"); };
    ASSERT_TRUE(await_established()) << site_->daemon().log();
    ASSERT_TRUE(await_fast()) << peers() << site_->weir({"bgp"}).out;
    EXPECT_TRUE(await_said(peers, "Status: up")) << peers();

    // It begins its own session anew when the BGP session comes up.
    const size_t before = events("bfd_down").size();
    ::kill(site_->daemon().pid(), SIGSTOP);
    EXPECT_TRUE(await_said(peers, "Status: down"));
    EXPECT_TRUE(await_said([&] { return frr.ask("show bgp neighbors"); }, "Cease/BFD Down"));
    ::kill(site_->daemon().pid(), SIGCONT);
    EXPECT_TRUE(lab::wait_until([&] { return events("bfd_down").size() > before; }, kSoon));
    EXPECT_TRUE(await_established()) << site_->daemon().log() << frr.ask("show bgp neighbors");
    EXPECT_TRUE(await_fast()) << peers();
}

/// Between the first and the last of the session's packets, as BIRD has them in its log.
std::chrono::milliseconds longest_silence(const std::string& log,
                                          const std::function<std::chrono::milliseconds(std::string)>& time) {
    constexpr std::string_view kHeard = "CTL received from 10.1.10.100 [Up";
    std::optional<std::chrono::milliseconds> last;
    std::chrono::milliseconds longest{0};
    for (size_t at = log.find(kHeard); at != log.npos; at = log.find(kHeard, at + 1)) {
        const auto heard = time(log.substr(log.rfind('\n', at) + 1, 23));
        if (last) longest = std::max(longest, heard - *last);
        last = heard;
    }
    return longest;
}

/// All its threads: what the router is in reality, another machine, whose time nobody takes.
void put_first(pid_t process) {
    sched_param lowest{};
    lowest.sched_priority = ::sched_get_priority_min(SCHED_RR);
    for (const auto& task : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", process))) {
        const pid_t thread = std::stoi(task.path().filename());
        EXPECT_EQ(::sched_setscheduler(thread, SCHED_RR, &lowest), 0) << std::strerror(errno);
    }
}

TEST_F(Bfd, IsHeldOnABusyMachine) {
    constexpr int kBusy = 4;
    constexpr auto kFor = 4s;
    lab::Bird bird(site_->client(), "10.1.10.1", std::string(kBird) + R"(
protocol bgp four from any { local 10.1.10.1 as 65001; neighbor 10.1.10.100 as 65000; }
)");
    put_first(bird.process().pid());
    const auto with_med = [&](int med) {
        return yaml(fmt::format("asn: 65000, peers: [{{address: 10.1.10.1, asn: 65001, med: {}, {}}}}}]", med,
                                kFast));
    };
    site_->start(with_med(0));
    ASSERT_TRUE(await_fast()) << bird.log();
    std::deque<lab::Process> busy;
    for (int i = 0; i < kBusy; ++i)
        busy.emplace_back(site_->client(), std::vector<std::string>{"sh", "-c", "while :; do :; done"});
    int reloads = 0;
    for (const auto until = std::chrono::steady_clock::now() + kFor;
         std::chrono::steady_clock::now() < until;)
        ASSERT_TRUE(site_->reload(with_med(++reloads)));
    EXPECT_EQ(ups(), 1u) << bird.log();
    EXPECT_EQ(sessions(), 1u);
    EXPECT_THAT(bird.log(), Not(HasSubstr("expired")));
    fmt::print("[  measure ] with {} busy processes and {} reloads BIRD waited {} ms at most for a packet\n",
               kBusy, reloads, longest_silence(bird.log(), time_of_day).count());
}

}  // namespace
}  // namespace weir::e2e
