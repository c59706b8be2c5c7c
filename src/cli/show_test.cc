#include "cli/show.h"

#include <gmock/gmock.h>

#include <boost/json.hpp>
#include <sstream>

#include "control/census.h"
#include "control/json.h"
#include "control/pools.h"
#include "control/sample.h"

namespace weir::cli {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

control::StatusReport sample_report(const model::HealthMap& health) {
    auto config = control::sample_config();
    auto plan = model::plan(config, health);
    control::StatusReport report;
    report.services = control::service_rows(config, plan);
    report.backends = control::backend_rows(plan, {}, {});
    return report;
}

template <class Json>
std::string shown(void (*show)(std::ostream&, const boost::json::value&, bool), Json json) {
    std::ostringstream out;
    show(out, std::move(json), false);
    return out.str();
}

TEST(Show, PutsWhatIsWrongFirst) {
    auto report = sample_report({{control::sample_target(2), {false, "L4CON"}}});
    EXPECT_THAT(shown(show_status, control::status_json(report)),
                StartsWith("! backend 10.0.0.2 of web (192.0.2.1:80/tcp) is down: L4CON\n"));
    EXPECT_THAT(shown(show_status, control::status_json(sample_report({}))), StartsWith("all is well\n"));
}

TEST(Show, TellsOfTheFlowTableAndOfNatWhereItIsUsed) {
    auto report = sample_report({});
    report.flow_table = {.capacity = 1024, .used = 10, .full_total = 2, .evicted_total = 3};
    auto text = shown(show_status, control::status_json(report));
    EXPECT_THAT(text, HasSubstr("flow table     10 of 1024 entries; 2 flows found it full, 3 that had only "
                                "begun made room\n"));
    EXPECT_THAT(text, testing::Not(HasSubstr("NAT ")));
    report.flow_table.nat_capacity = 512;
    report.flow_table.nat_used = 7;
    EXPECT_THAT(shown(show_status, control::status_json(report)),
                HasSubstr("NAT            7 of 512 flows\n"));
}

TEST(Show, ListsServices) {
    EXPECT_EQ(shown(show_services, control::services_json(sample_report({}).services)),
              "SERVICE  FRONTEND              FORWARD  SCHEDULER   UP  NEED  HEALTH\n"
              "web      192.0.2.1:80/tcp      dsr      maglev     3/3     1  healthy\n"
              "web      [2001:db8::1]:80/tcp  dsr      maglev     3/3     1  healthy\n");
}

TEST(Show, ListsPoolsWithWhoUsesThem) {
    auto config = control::sample_config();
    config.pools["idle"].backends = {{control::ip("10.0.9.9"), 5, model::AdminState::disabled}};
    config.services["web"].fallback = "idle";
    config.pools["unused"].backends = {{control::ip("10.0.8.8")}};
    auto plan = model::plan(config, {{control::sample_target(2), {false, "L4CON"}}});
    control::StatusReport report;
    report.backends = control::backend_rows(plan, {}, {});
    report.overrides = {{{control::ip("10.0.0.3")}, {.weight = 3}, {}, false}};
    EXPECT_EQ(shown(show_pools, control::pools_json(control::pool_rows(config, report))),
              "POOL    BACKEND   WEIGHT  STATE      UP  TAKING  FLOWS  USED BY\n"
              "idle    10.0.9.9       5  disabled  2/2       0      0  web (fallback)\n"
              "unused  10.0.8.8       1  enabled   0/0       0      0  -\n"
              "web     10.0.0.1       1  enabled   2/2       2      0  web\n"
              "web     10.0.0.2       2  enabled   1/2       1      0  web\n"
              "web     10.0.0.3       1  enabled*  2/2       2      0  web\n");
}

TEST(Show, ListsWhoHasTheFlows) {
    control::Census census;
    census.table = {.capacity = 1000, .used = 14, .nat_capacity = 512, .nat_used = 7};
    census.table.flows = {1, 9, 0, 3};
    census.table.sources = 1;
    census.holders = {{"web", control::ip("10.0.0.2"), {1, 6, 0, 2}, 0.75, 0.5},
                      {"dns", control::ip("2001:db8::53"), {0, 0, 0, 1}, 1, 0}};
    census.matching = 5;
    EXPECT_EQ(shown(show_flows, control::census_json(census)),
              "flow table     14 of 1000 entries, 1.4%\n"
              "flows          1 new, 9 established, 0 closing, 3 datagram\n"
              "sources        1 entries say where a client's next flow goes\n"
              "NAT            7 of 512 flows\n"
              "\n"
              "SERVICE  BACKEND       FLOWS  NEW  ESTABLISHED  CLOSING  DATAGRAM   SHARE  BY WEIGHT\n"
              "web      10.0.0.2          9    1            6        0         2   75.0%      50.0%\n"
              "dns      2001:db8::53      1    0            0        0         1  100.0%       0.0%\n"
              "and 3 more with fewer flows; --limit shows them\n");
    EXPECT_EQ(shown(show_flows, control::census_json({})),
              "flow table     0 of 0 entries, 0.0%\n"
              "flows          0 new, 0 established, 0 closing, 0 datagram\n");
    census = {.table = {.capacity = 8}, .left_behind = 2, .matching = 0, .holders = {}};
    EXPECT_THAT(shown(show_flows, control::census_json(census)),
                HasSubstr("left behind    2 of them: their backend or service has left the configuration\n"));
}

TEST(Show, ListsBgpPeersAndWhatTheyAreTold) {
    announce::BgpPeerRow up{.settings = {.address = control::ip("10.0.0.1"), .asn = 65001}};
    up.state = "established";
    up.hold_time = std::chrono::seconds(9);
    up.routes = {{.prefix = net::Prefix::parse("192.0.2.1/32").value(),
                  .next_hop = control::ip("10.0.0.100"),
                  .as_path = {65000, 65000},
                  .med = 7,
                  .communities = {0xfde80064},
                  .large_communities = {{65000, 1, 2}}}};
    up.withheld = {{net::Prefix::parse("2001:db8::1/128").value(), "no next hop"}};
    announce::BgpPeerRow down{.settings = {.address = control::ip("10.0.0.2"), .asn = 65002}};
    down.state = "idle";
    down.last_error = "hold timer expired";
    announce::BgpReport report{.asn = 65000, .router_id = control::ip("10.0.0.100"), .peers = {up, down}};
    EXPECT_EQ(
        shown(show_bgp, control::bgp_json(report)),
        "AS 65000, router id 10.0.0.100\n\n"
        "PEER         AS  STATE        SINCE                     ROUTES  HOLD  LAST ERROR\n"
        "10.0.0.1  65001  established  1970-01-01T00:00:00.000Z       1    9s  -\n"
        "10.0.0.2  65002  idle         1970-01-01T00:00:00.000Z       0    0s  hold timer expired\n\n"
        "PEER      PREFIX           NEXT HOP    AS PATH      MED  LOCAL PREF  COMMUNITIES          NOTE\n"
        "10.0.0.1  192.0.2.1/32     10.0.0.100  65000 65000    7           -  65000:100 65000:1:2\n"
        "10.0.0.1  2001:db8::1/128  -           -              -           -  -                    not "
        "told: no next hop\n");
    EXPECT_THAT(shown(show_bgp, control::bgp_json({})), HasSubstr("no BGP is configured"));
}

TEST(Show, ListsTheBfdSessionsOfBgpPeers) {
    announce::BgpPeerRow peer{.settings = {.address = control::ip("10.0.0.1"), .asn = 65001}};
    peer.state = "established";
    EXPECT_THAT(shown(show_bgp, control::bgp_json({.asn = 65000, .peers = {peer}})),
                testing::Not(HasSubstr("DETECTS")));
    using std::chrono::milliseconds;
    auto watched = peer;
    watched.settings.address = control::ip("10.0.0.2");
    watched.bfd = announce::BfdRow{.state = "up",
                                   .remote_state = "up",
                                   .diagnostic = "none",
                                   .transmit_interval = milliseconds(50),
                                   .receive_interval = milliseconds(100),
                                   .detection_time = milliseconds(300)};
    auto lost = watched;
    lost.settings.address = control::ip("10.0.0.3");
    lost.bfd =
        announce::BfdRow{.state = "down", .remote_state = "down", .diagnostic = "detection_time_expired"};
    EXPECT_THAT(
        shown(show_bgp, control::bgp_json({.asn = 65000, .peers = {peer, watched, lost}})),
        HasSubstr("PEER      BFD   PEER'S  SINCE                     SENDS  RECEIVES  DETECTS  DIAGNOSTIC\n"
                  "10.0.0.2  up    up      1970-01-01T00:00:00.000Z   50ms     100ms    300ms  -\n"
                  "10.0.0.3  down  down    1970-01-01T00:00:00.000Z    0ms       0ms      0ms  "
                  "detection_time_expired\n\n"));
}

sync::Report sample_sharing() {
    sync::PeerRow up{.endpoint = {control::ip("10.0.0.101"), model::kSyncPort},
                     .node = control::ip("10.1.10.101"),
                     .state = sync::PeerState::up,
                     .lag = std::chrono::microseconds(210'500)};
    up.flows_total = {.taken = 11, .kept = 12, .unknown = 13, .full = 14, .unfit = 15};
    sync::PeerRow silent{.endpoint = {control::ip("10.0.0.102"), model::kSyncPort},
                         .state = sync::PeerState::silent,
                         .fault = "nothing has come from it for 7 s"};
    sync::Report report{.enabled = true,
                        .speaks_to = {{control::ip("239.83.1.1"), model::kSyncPort}},
                        .listening = net::Endpoint{control::ip("0.0.0.0"), model::kSyncPort},
                        .snapshot = "complete",
                        .flows_from_peers = 9,
                        .peers = {up, silent}};
    report.sent = {.datagrams_total = 3, .flows_total = 400};
    report.refused[static_cast<size_t>(sync::Refused::forged)] = {5, up.endpoint};
    return report;
}

TEST(Show, ListsTheBalancersThatFlowsAreSharedWith) {
    auto text = shown(show_sync, control::sync_json(sample_sharing()));
    EXPECT_THAT(text, StartsWith("shared with 239.83.1.1:8383, from 0.0.0.0:8383\n"
                                 "400 flows told in 3 datagrams; 9 of peers stand in the table; snapshot: "
                                 "complete\n"));
    EXPECT_THAT(text,
                ContainsRegex("10.0.0.101:8383 +10.1.10.101 +up .* 210.5ms +0.0ms +11 +12 +13 +14 +15 "));
    EXPECT_THAT(text, ContainsRegex("10.0.0.102:8383 +- +silent .*nothing has come from it for 7 s"));
    EXPECT_THAT(text, ContainsRegex("forged +5 +10.0.0.101:8383"));
    EXPECT_THAT(text, Not(HasSubstr("replayed")));
    EXPECT_THAT(shown(show_sync, control::sync_json({})), HasSubstr("flows are shared with nobody"));
}

TEST(Show, NamesASilentBalancerAsAProblem) {
    control::StatusReport report;
    report.sync = sample_sharing();
    EXPECT_THAT(shown(show_status, control::status_json(report)),
                StartsWith("! sync peer 10.0.0.102:8383: nothing has come from it for 7 s"));
}

TEST(Show, NamesABgpPeerWithoutASessionAsAProblem) {
    auto report = sample_report({});
    announce::BgpPeerRow down{.settings = {.address = control::ip("10.0.0.2"), .asn = 65002}};
    down.state = "idle";
    down.last_error = "hold timer expired: it was silent for 9 s";
    report.bgp.peers = {down};
    EXPECT_THAT(shown(show_status, control::status_json(report)),
                StartsWith("! BGP peer 10.0.0.2 has no session (idle): hold timer expired: it was silent"));
}

TEST(Show, TellsWhoServesInPlaceOfThePool) {
    auto config = control::sample_config();
    config.services["web"].checks = {{model::TcpCheck{}}};
    config.services["web"].fail_open = true;
    auto plan = model::plan(config, {});
    EXPECT_THAT(shown(show_services, control::services_json(control::service_rows(config, plan))),
                HasSubstr("maglev     0/3     1  DOWN, fails open\n"));
    control::StatusReport report;
    report.services = control::service_rows(config, plan);
    EXPECT_THAT(
        control::problems_of(report),
        testing::Contains("service web at 192.0.2.1:80/tcp fails open: all its backends are down, and "
                          "used as if they were up"));
}

TEST(Show, ListsBackendsWithWhatTheirChecksSayAndWhatHoldsThemBack) {
    auto report = sample_report({{control::sample_target(1), {true, "L4OK in 0.1 ms (1/2 DOWN)"}},
                                 {control::sample_target(2), {false, "no neighbour answers"}}});
    report.backends[2].target.limited = "full: max_connections is 5";
    auto text = shown(show_backends, control::backends_json(report.backends));
    EXPECT_THAT(
        text,
        HasSubstr(
            "10.0.0.2       2  enabled  DOWN        0            0        0      0  -            -           "
            "no neighbour answers\n"));
    EXPECT_THAT(
        text,
        HasSubstr(
            "10.0.0.1       1  enabled  up          0            0        0      0  -            -           "
            "L4OK in 0.1 ms (1/2 DOWN)\n"));
    EXPECT_THAT(text, HasSubstr("full: max_connections is 5\n"));
}

TEST(Show, ListsOverridesWithWhatIsToBeKnownOfEach) {
    control::SystemTime at(std::chrono::seconds(1'700'000'000));
    auto row = [&](const char* backend, model::Override override, control::OverrideUse use,
                   std::optional<bool> drained = {}) {
        override.by = "ada";
        override.at = at;
        return control::OverrideRow{{control::ip(backend)}, override, use, drained};
    };
    auto drain = model::Override{.state = model::AdminState::draining};
    auto text = shown(show_overrides,
                      control::overrides_json(
                          {row("10.0.0.1", drain, {true, 12}, false), row("10.0.0.2", drain, {true, 0}, true),
                           row("10.0.0.3", {.weight = 5}, {false, 0}), row("10.0.0.4", drain, {true, 0})}));
    EXPECT_EQ(
        text,
        "BACKEND   SERVICE  STATE     WEIGHT  FLOWS  BY   SINCE                     NOTE\n"
        "10.0.0.1  all      draining       -     12  ada  2023-11-14T22:13:20.000Z\n"
        "10.0.0.2  all      draining       -      0  ada  2023-11-14T22:13:20.000Z  drained\n"
        "10.0.0.3  all      -              5      0  ada  2023-11-14T22:13:20.000Z  not in the "
        "configuration\n"
        "10.0.0.4  all      draining       -      ?  ada  2023-11-14T22:13:20.000Z  its flows are being "
        "counted\n");
}

TEST(Show, MarksWhatWasChangedByHand) {
    auto report = sample_report({});
    mark_overridden(report.backends, control::sample_config(), {{{control::ip("10.0.0.1")}, {.weight = 1}}});
    EXPECT_THAT(shown(show_backends, control::backends_json(report.backends)),
                HasSubstr("10.0.0.1       1  enabled*  up "));
}

TEST(Show, TellsADifferenceOrThatThereIsNone) {
    auto before = model::plan(control::sample_config(), {});
    auto config = control::sample_config();
    config.pools["web"].backends[0].weight = 0;
    auto after = model::plan(config, {});
    EXPECT_EQ(shown(show_difference, control::difference_json(control::difference(before, before))),
              "nothing would change\n");
    auto text = shown(show_difference, control::difference_json(control::difference(before, after)));
    EXPECT_THAT(text, StartsWith("~ web 192.0.2.1:80/tcp: "));
    EXPECT_THAT(
        text,
        HasSubstr(
            "    10.0.0.1: enabled up weight 1, takes all -> enabled up weight 0, takes established\n"));
}

TEST(Show, ListsAPlanWithShares) {
    auto text = shown(show_plan, control::plan_json(model::plan(control::sample_config(), {}), std::nullopt));
    EXPECT_THAT(text, StartsWith("interface eth0 (auto)\n"));
    EXPECT_THAT(text, HasSubstr("10.0.0.2       2  enabled  up      all    49.8%\n"));
}

}  // namespace
}  // namespace weir::cli
