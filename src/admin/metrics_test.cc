#include "admin/metrics.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <regex>
#include <sstream>

#include "control/sample.h"
#include "control/status.h"

namespace weir::admin {
namespace {

using testing::HasSubstr;
using testing::Not;

Measured sample_report() {
    auto config = control::sample_config();
    auto plan = model::plan(config, {{control::sample_target(3), {false, "L4CON"}}});
    Measured report;
    report.daemon = {"1.2.3", 42, control::SystemTime(std::chrono::seconds(1'700'000'000)), "weir.yaml",
                     "fake"};
    report.applying.failures_total = 3;
    report.interfaces = {{"eth0", "native", ""}, {"eth1", "", "no such interface"}};
    report.not_forwarded = {{"no_backend", "drop", 5}, {"echo", "reply", 6}};
    report.claims = {{control::ip("192.0.2.1"), {{2, 0, 0, 0, 0, 7}}, "eth0", {}}};
    report.flow_table = {.evicted_total = 8, .nat_capacity = 1024, .nat_used = 9};
    report.overrides = {{{control::ip("10.0.0.1")}, {.weight = 3}, {}, false}};
    report.events.totals[static_cast<size_t>(control::EventKind::backend_down)] = 9;
    report.events.dropped_readers_total = 2;
    report.api.count(Refused::limited);
    report.api.count(TlsFailure::plain_http);
    report.keeping = {"no space", false, 4};
    report.alerts = {{.name = "oncall", .sent_total = 11, .failed_total = 12, .waiting = 13}};
    report.alerts[0].suppressed_total[static_cast<size_t>(control::Suppressed::gathered)] = 14;
    report.not_probed.total = 7;
    announce::BgpPeerRow peer{.settings = {.address = control::ip("10.0.0.1"), .asn = 65001}};
    peer.state = "established";
    peer.established_total = 3;
    peer.routes.resize(4);
    peer.sent_total[1] = 5;
    peer.bfd =
        announce::BfdRow{.state = "up", .detection_time = std::chrono::milliseconds(150), .sent_total = 8};
    peer.bfd->refused_total[0] = 9;
    report.bgp = {.asn = 65000, .strangers_total = 6, .bfd_strangers_total = 10, .peers = {peer}};
    sync::PeerRow balancer{.endpoint = {control::ip("10.0.0.101"), model::kSyncPort}};
    balancer.state = sync::PeerState::up;
    balancer.lag = std::chrono::milliseconds(250);
    balancer.flows_total = {.taken = 1, .kept = 2, .unknown = 3, .full = 4};
    report.sync = {.enabled = true, .peers = {balancer}};
    report.sync.sent.flows_total = 15;
    report.sync.refused[static_cast<size_t>(sync::Refused::forged)].total = 16;
    report.services = control::service_rows(config, plan);
    health::Checked checked;
    checked.last_outcome = {false, "L4CON", std::chrono::microseconds(250), {}};
    report.backends = control::backend_rows(plan, {{control::sample_target(2), {1, 2, 3, 1ull << 40}}},
                                            {{control::sample_target(3), checked}});
    return report;
}

TEST(Metrics, SayWhatTheStatusSays) {
    auto text = metrics_text(sample_report());
    const std::string web = R"({service="web",vip="192.0.2.1",port="80",protocol="tcp")";
    for (const auto& line : {
             std::string("weir_build_info{version=\"1.2.3\",engine=\"fake\"} 1\n"),
             std::string("weir_start_time_seconds 1700000000\n"),
             std::string("weir_apply_failures_total 3\n"),
             std::string("weir_overrides 1\n"),
             std::string("weir_not_probed_total 7\n"),
             std::string("weir_events_total{kind=\"backend_down\"} 9\n"),
             std::string("weir_event_readers_dropped_total 2\n"),
             std::string("weir_api_refused_total{reason=\"limited\"} 1\n"),
             std::string("weir_api_refused_total{reason=\"stranger\"} 0\n"),
             std::string("weir_api_tls_failures_total{reason=\"plain_http\"} 1\n"),
             std::string("weir_alerts_sent_total{alert=\"oncall\"} 11\n"),
             std::string("weir_alerts_failed_total{alert=\"oncall\"} 12\n"),
             std::string("weir_alerts_waiting{alert=\"oncall\"} 13\n"),
             std::string("weir_alerts_suppressed_total{alert=\"oncall\",reason=\"gathered\"} 14\n"),
             std::string("weir_bgp_peer_up{peer=\"10.0.0.1\",asn=\"65001\"} 1\n"),
             std::string("weir_bgp_sessions_total{peer=\"10.0.0.1\",asn=\"65001\"} 3\n"),
             std::string("weir_bgp_routes{peer=\"10.0.0.1\",asn=\"65001\"} 4\n"),
             std::string("weir_bgp_messages_total{peer=\"10.0.0.1\",asn=\"65001\",direction=\"sent\",type="
                         "\"update\"} 5\n"),
             std::string("weir_bgp_strangers_total 6\n"),
             std::string("weir_bfd_up{peer=\"10.0.0.1\",asn=\"65001\"} 1\n"),
             std::string("weir_bfd_detection_seconds{peer=\"10.0.0.1\",asn=\"65001\"} 0.15\n"),
             std::string("weir_bfd_packets_total{peer=\"10.0.0.1\",asn=\"65001\",direction=\"sent\"} 8\n"),
             std::string("weir_bfd_refused_total{peer=\"10.0.0.1\",asn=\"65001\",reason=\"hop_limit\"} 9\n"),
             std::string("weir_bfd_strangers_total 10\n"),
             std::string("weir_sync_peer_up{peer=\"10.0.0.101:8383\"} 1\n"),
             std::string("weir_sync_peer_lag_seconds{peer=\"10.0.0.101:8383\"} 0.25\n"),
             std::string("weir_sync_peer_flows_total{peer=\"10.0.0.101:8383\",result=\"full\"} 4\n"),
             std::string("weir_sync_sent_flows_total 15\n"),
             std::string("weir_sync_refused_total{reason=\"forged\"} 16\n"),
             std::string("weir_overrides_saved 0\n"),
             std::string("weir_override_save_failures_total 4\n"),
             std::string("weir_interface_native{interface=\"eth0\"} 1\n"),
             std::string("weir_interface_attached{interface=\"eth1\"} 0\n"),
             std::string("weir_not_forwarded_packets_total{reason=\"no_backend\",verdict=\"drop\"} 5\n"),
             std::string("weir_not_forwarded_packets_total{reason=\"echo\",verdict=\"reply\"} 6\n"),
             std::string(
                 "weir_vip_claimed{vip=\"192.0.2.1\",mac=\"02:00:00:00:00:07\",interface=\"eth0\"} 1\n"),
             std::string("weir_flow_table_evicted_total 8\n"),
             std::string("weir_nat_capacity 1024\n"),
             std::string("weir_nat_entries 9\n"),
             "weir_service_healthy" + web + "} 1\n",
             "weir_service_backends_up" + web + "} 2\n",
             "weir_backend_up" + web + ",address=\"10.0.0.3\"} 0\n",
             "weir_backend_effective_weight" + web + ",address=\"10.0.0.2\"} 2\n",
             "weir_backend_effective_weight" + web + ",address=\"10.0.0.3\"} 0\n",
             "weir_service_overflow_ratio" + web + "} 0\n",
             "weir_service_last_resort" + web + "} 0\n",
             "weir_backend_weight" + web + ",address=\"10.0.0.2\"} 2\n",
             "weir_backend_bytes_total" + web + ",address=\"10.0.0.2\"} 1099511627776\n",
             "weir_check_duration_seconds" + web + ",address=\"10.0.0.3\"} 0.00025",
         })
        EXPECT_THAT(text, HasSubstr(line));
    EXPECT_THAT(text, Not(HasSubstr("weir_check_duration_seconds" + web + ",address=\"10.0.0.1\"")));
}

TEST(Metrics, CountNoBackendUsableThatTheOperatorHasTakenOut) {
    auto config = control::sample_config();
    config.pools["web"].backends[0].state = model::AdminState::draining;
    config.pools["web"].backends[1].state = model::AdminState::disabled;
    auto plan = model::plan(config, {});
    Measured report;
    report.services = control::service_rows(config, plan);
    report.backends = control::backend_rows(plan, {}, {});
    auto text = metrics_text(report);
    const std::string web = R"({service="web",vip="192.0.2.1",port="80",protocol="tcp")";
    EXPECT_THAT(text, HasSubstr("weir_service_backends_usable" + web + "} 1\n"));
    EXPECT_THAT(text, HasSubstr("weir_backend_disabled" + web + ",address=\"10.0.0.1\"} 0\n"));
    EXPECT_THAT(text, HasSubstr("weir_backend_disabled" + web + ",address=\"10.0.0.2\"} 1\n"));
}

TEST(Metrics, AllHaveHelpAndOnlyCountersEndInTotal) {
    for (const auto& metric : metric_table()) {
        EXPECT_FALSE(metric.help.empty()) << metric.name;
        EXPECT_TRUE(metric.name.starts_with("weir_")) << metric.name;
        EXPECT_EQ(metric.name.ends_with("_total"), metric.kind == MetricKind::counter) << metric.name;
    }
}

TEST(Metrics, PassPromtool) {
    if (std::system("command -v promtool >/dev/null 2>&1") != 0) GTEST_SKIP() << "promtool is not installed";
    auto* promtool = ::popen("promtool check metrics 2>&1 >&2", "w");
    ASSERT_TRUE(promtool);
    auto text = metrics_text(sample_report());
    ASSERT_EQ(std::fwrite(text.data(), 1, text.size(), promtool), text.size());
    EXPECT_EQ(::pclose(promtool), 0);
}

TEST(Metrics, HaveRulesThatPassPromtool) {
    if (std::system("command -v promtool >/dev/null 2>&1") != 0) GTEST_SKIP() << "promtool is not installed";
    EXPECT_EQ(
        std::system("promtool check rules " WEIR_SOURCE_DIR "/examples/prometheus/weir.rules.yml >/dev/null"),
        0);
}

TEST(Metrics, HaveRulesThatKnowWhatTheOperatorHasTakenOut) {
    if (std::system("command -v promtool >/dev/null 2>&1") != 0) GTEST_SKIP() << "promtool is not installed";
    char name[] = "/tmp/weir-rules-test-XXXXXX";
    ::close(::mkstemp(name));
    std::ofstream(name) << "rule_files: [" WEIR_SOURCE_DIR "/examples/prometheus/weir.rules.yml]" << R"(
tests:
  - interval: 1m
    input_series:
      - {series: 'weir_service_backends_up{service="web", vip="192.0.2.1"}', values: 3+0x10}
      - {series: 'weir_service_backends_usable{service="web", vip="192.0.2.1"}', values: 1+0x10}
      - {series: 'weir_service_backends{service="web", vip="192.0.2.1"}', values: 3+0x10}
      - {series: 'weir_service_backends_needed{service="web", vip="192.0.2.1"}', values: 1+0x10}
      - {series: 'weir_backend_up{service="web", address="10.0.0.1"}', values: 0+0x10}
      - {series: 'weir_backend_disabled{service="web", address="10.0.0.1"}', values: 1+0x10}
    alert_rule_test:
      - eval_time: 6m
        alertname: WeirOneFailureFromDown
        exp_alerts:
          - exp_labels: {severity: ticket, service: web, vip: 192.0.2.1}
            exp_annotations: {summary: web at 192.0.2.1 has no backend to spare}
      - {eval_time: 6m, alertname: WeirBackendDown, exp_alerts: []}
)";
    EXPECT_EQ(std::system(fmt::format("promtool test rules {} >&2", name).c_str()), 0);
    ::unlink(name);
}

TEST(Metrics, AreThoseThatTheRulesAndTheDashboardAskFor) {
    for (const auto* path : {"/examples/prometheus/weir.rules.yml", "/examples/grafana/weir.json"}) {
        std::ifstream file(std::string(WEIR_SOURCE_DIR) + path);
        std::string text(std::istreambuf_iterator<char>(file), {});
        size_t seen = 0;
        std::regex name("weir_[a-z_]+");
        for (std::sregex_iterator it(text.begin(), text.end(), name), end; it != end; ++it, ++seen)
            EXPECT_TRUE(std::ranges::any_of(metric_table(),
                                            [&](const auto& metric) { return metric.name == it->str(); }))
                << path << ": " << it->str();
        EXPECT_GT(seen, 10u) << path;
    }
}

TEST(Metrics, StandInTheirPage) {
    std::ifstream file(WEIR_SOURCE_DIR "/doc/metrics.md");
    std::ostringstream page;
    page << file.rdbuf();
    size_t rows = 0;
    for (const auto& metric : metric_table()) {
        std::string labels;
        for (auto label : metric.labels) labels += (labels.empty() ? "" : ", ") + std::string(label);
        auto kind = metric.kind == MetricKind::counter ? "counter" : "gauge";
        EXPECT_THAT(page.str(), HasSubstr(fmt::format("| `{}` | {} | {} | {} |\n", metric.name, kind, labels,
                                                      metric.help)));
        ++rows;
    }
    std::string line;
    std::istringstream lines(page.str());
    while (std::getline(lines, line)) rows -= line.starts_with("| `weir_");
    EXPECT_EQ(rows, 0u) << "the page has rows of metrics that are gone";
}

}  // namespace
}  // namespace weir::admin
