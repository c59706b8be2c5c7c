#include "admin/metrics.h"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <sstream>

namespace weir::admin {
namespace {

using PeerRow = announce::BgpPeerRow;
using BfdRow = announce::BfdRow;
using control::BackendRow;
using control::FrontendRow;
using control::ServiceRow;
using control::SourceRow;
using Report = Measured;
using Labels = std::vector<std::string_view>;
using enum MetricKind;

std::vector<std::string> labels_of(const std::string& service, const model::FrontendKey& key) {
    return {service, key.vip_text(), key.port_text(), model::to_text(key.protocol)};
}

const Labels kFrontend{"service", "vip", "port", "protocol"};
const Labels kSource{"pool", "kind", "number"};
const Labels kPeer{"peer", "asn"};
const Labels kBackend{"service", "vip", "port", "protocol", "address"};

/// Collects one number of each backend; `Number` is a function of the row.
template <auto Number>
void each_backend(const Report& report, const AddSample& add) {
    for (const auto& row : report.backends) {
        auto labels = labels_of(row.service, row.key.frontend);
        labels.push_back(row.key.backend.text());
        add(std::move(labels), static_cast<double>(Number(row)));
    }
}

template <auto Number>
void each_frontend(const Report& report, const AddSample& add) {
    for (const auto& service : report.services)
        for (const auto& row : service.frontends)
            add(labels_of(service.name, row.key), static_cast<double>(Number(service, row)));
}

template <auto Number>
void one(const Report& report, const AddSample& add) {
    add({}, static_cast<double>(Number(report)));
}

/// `Number` is a function of the row.
template <auto Number>
void each_source(const Report& report, const AddSample& add) {
    // Of two of one kind in one pool the number tells which is which.
    std::map<std::pair<std::string, std::string>, int> before;
    for (const auto& row : report.sources)
        add({row.pool, row.kind, std::to_string(before[{row.pool, row.kind}]++)},
            static_cast<double>(Number(row)));
}

template <auto Number>
void each_peer(const Report& report, const AddSample& add) {
    for (const auto& row : report.bgp.peers)
        add({row.settings.address.text(), std::to_string(row.settings.asn)},
            static_cast<double>(Number(row)));
}

void bgp_messages(const Report& report, const AddSample& add) {
    for (const auto& row : report.bgp.peers)
        for (size_t i = 0; i < announce::kBgpMessages.size(); ++i) {
            auto labels = [&](const char* direction) -> std::vector<std::string> {
                return {row.settings.address.text(), std::to_string(row.settings.asn), direction,
                        std::string(announce::kBgpMessages[i])};
            };
            add(labels("received"), static_cast<double>(row.received_total[i]));
            add(labels("sent"), static_cast<double>(row.sent_total[i]));
        }
}

void bgp_strangers(const Report& report, const AddSample& add) {
    if (!report.bgp.peers.empty()) add({}, static_cast<double>(report.bgp.strangers_total));
}

/// Of peers that BFD watches.
template <auto Number>
void each_bfd(const Report& report, const AddSample& add) {
    for (const auto& row : report.bgp.peers)
        if (row.bfd)
            add({row.settings.address.text(), std::to_string(row.settings.asn)},
                static_cast<double>(Number(*row.bfd)));
}

void bfd_packets(const Report& report, const AddSample& add) {
    for (const auto& row : report.bgp.peers) {
        if (!row.bfd) continue;
        const auto peer = row.settings.address.text(), asn = std::to_string(row.settings.asn);
        add({peer, asn, "received"}, static_cast<double>(row.bfd->received_total));
        add({peer, asn, "sent"}, static_cast<double>(row.bfd->sent_total));
    }
}

void bfd_refused(const Report& report, const AddSample& add) {
    for (const auto& row : report.bgp.peers)
        for (size_t i = 0; row.bfd && i < announce::kBfdRefusals.size(); ++i)
            add({row.settings.address.text(), std::to_string(row.settings.asn),
                 std::string(announce::kBfdRefusals[i])},
                static_cast<double>(row.bfd->refused_total[i]));
}

void bfd_strangers(const Report& report, const AddSample& add) {
    const auto watched = [](const PeerRow& row) { return row.bfd.has_value(); };
    if (std::ranges::any_of(report.bgp.peers, watched))
        add({}, static_cast<double>(report.bgp.bfd_strangers_total));
}

double seconds(control::SystemTime time) {
    return std::chrono::duration<double>(time.time_since_epoch()).count();
}

void build(const Report& report, const AddSample& add) {
    add({report.daemon.version, report.daemon.engine}, 1);
}

void reloads(const Report& report, const AddSample& add) {
    add({"accepted"}, static_cast<double>(report.reloads.accepted_total));
    add({"refused"}, static_cast<double>(report.reloads.refused_total));
}

void native(const Report& report, const AddSample& add) {
    for (const auto& interface : report.interfaces) add({interface.name}, interface.mode == "native");
}

void attached(const Report& report, const AddSample& add) {
    for (const auto& interface : report.interfaces) add({interface.name}, !interface.mode.empty());
}

void not_forwarded(const Report& report, const AddSample& add) {
    for (const auto& count : report.not_forwarded)
        add({count.reason, count.verdict}, static_cast<double>(count.packets_total));
}

void claimed(const Report& report, const AddSample& add) {
    for (const auto& claim : report.claims) add({claim.vip.text(), claim.mac.text(), claim.interface}, 1);
}

void check_duration(const Report& report, const AddSample& add) {
    for (const auto& row : report.backends) {
        if (!row.last_check) continue;
        auto labels = labels_of(row.service, row.key.frontend);
        labels.push_back(row.key.backend.text());
        add(std::move(labels), std::chrono::duration<double>(row.last_check->latency).count());
    }
}

void events(const Report& report, const AddSample& add) {
    for (size_t kind = 0; kind < model::kEventKinds; ++kind)
        add({std::string(model::to_text(static_cast<model::EventKind>(kind)))},
            static_cast<double>(report.events.totals[kind]));
}

template <class Reason>
void each_reason(const auto& counts, const AddSample& add) {
    for (size_t reason = 0; reason < counts.size(); ++reason)
        add({std::string(to_text(static_cast<Reason>(reason)))}, static_cast<double>(counts[reason]));
}

void api_refused(const Report& report, const AddSample& add) {
    each_reason<Refused>(report.api.refused, add);
}

void api_tls_failures(const Report& report, const AddSample& add) {
    each_reason<TlsFailure>(report.api.tls_failures, add);
}

template <auto Number>
void each_alert(const Report& report, const AddSample& add) {
    for (const auto& row : report.alerts) add({row.name}, static_cast<double>(row.*Number));
}

void suppressed(const Report& report, const AddSample& add) {
    for (const auto& row : report.alerts)
        for (size_t reason = 0; reason < control::kSuppressed; ++reason)
            add({row.name, std::string(to_text(static_cast<control::Suppressed>(reason)))},
                static_cast<double>(row.suppressed_total[reason]));
}

const std::vector<Metric> kMetrics{
    {"weir_build_info", gauge, {"version", "engine"}, "Always 1; the labels say what runs.", build},
    {"weir_start_time_seconds",
     gauge,
     {},
     "When the daemon started, as Unix time.",
     one<[](const Report& r) { return seconds(r.daemon.started_at); }>},
    {"weir_plan_number",
     gauge,
     {},
     "Number of the plan in force: how many this daemon has applied.",
     one<[](const Report& r) { return r.applying.number; }>},
    {"weir_plan_apply_seconds",
     gauge,
     {},
     "From looking at what has changed to the last plan's being in force.",
     one<[](const Report& r) { return std::chrono::duration<double>(r.applying.took).count(); }>},
    {"weir_plan_in_force",
     gauge,
     {},
     "1 if the engine has what the daemon wants, 0 while it is retried.",
     one<[](const Report& r) { return r.applying.error.empty(); }>},
    {"weir_apply_failures_total",
     counter,
     {},
     "Attempts to apply a plan that failed.",
     one<[](const Report& r) { return r.applying.failures_total; }>},
    {"weir_config_reload_success",
     gauge,
     {},
     "1 unless the last reload was refused.",
     one<[](const Report& r) { return r.reloads.last_error.empty(); }>},
    {"weir_config_reloads_total", counter, {"result"}, "Reloads, by result: accepted or refused.", reloads},
    {"weir_events_total", counter, {"kind"}, "What has happened, by kind.", events},
    {"weir_event_readers_dropped_total",
     counter,
     {},
     "Clients of the event stream that were too slow, and were cut off.",
     one<[](const Report& r) { return r.events.dropped_readers_total; }>},
    {"weir_api_refused_total",
     counter,
     {"reason"},
     "Requests to the API that were refused: unauthorized (no good token), forbidden (a viewer's), stranger "
     "(a user who may not), limited (too many; TLS handshakes too), unsafe (a web page may be behind it).",
     api_refused},
    {"weir_api_tls_failures_total",
     counter,
     {"reason"},
     "TLS handshakes with the API that came to nothing: plain_http (a client without TLS), timeout, other.",
     api_tls_failures},
    {"weir_alerts_sent_total",
     counter,
     {"alert"},
     "Messages that were delivered.",
     each_alert<&control::AlertRow::sent_total>},
    {"weir_alerts_failed_total",
     counter,
     {"alert"},
     "Messages that could not be delivered, and were given up.",
     each_alert<&control::AlertRow::failed_total>},
    {"weir_alerts_suppressed_total",
     counter,
     {"alert", "reason"},
     "Events without a message of their own: repeated, settled (they did not hold), gathered (into a message "
     "with others) or dropped (too many waited).",
     suppressed},
    {"weir_alerts_waiting",
     gauge,
     {"alert"},
     "Events that are to be delivered yet.",
     each_alert<&control::AlertRow::waiting>},
    {"weir_overrides",
     gauge,
     {},
     "Overrides that the operator has set, unused ones too.",
     one<[](const Report& r) { return r.overrides.size(); }>},
    {"weir_overrides_saved",
     gauge,
     {},
     "1 unless the overrides in force cannot be saved, and would be lost at a restart.",
     one<[](const Report& r) { return r.keeping.saved; }>},
    {"weir_override_save_failures_total",
     counter,
     {},
     "Attempts to save the overrides that failed.",
     one<[](const Report& r) { return r.keeping.save_failures_total; }>},
    {"weir_interface_attached",
     gauge,
     {"interface"},
     "1 if the datapath is attached to the interface.",
     attached},
    {"weir_interface_native",
     gauge,
     {"interface"},
     "1 if it is attached in the driver, 0 if generic or not at all.",
     native},
    {"weir_service_healthy", gauge, kFrontend, "1 if enough backends of the service take new flows here.",
     each_frontend<[](const ServiceRow&, const FrontendRow& f) { return f.healthy; }>},
    {"weir_service_backends_up", gauge, kFrontend, "Backends that are up.",
     each_frontend<[](const ServiceRow&, const FrontendRow& f) { return f.up; }>},
    {"weir_service_backends_usable", gauge, kFrontend,
     "Backends that could take new flows: up, and neither drained, disabled nor full.",
     each_frontend<[](const ServiceRow&, const FrontendRow& f) { return f.usable; }>},
    {"weir_service_backends", gauge, kFrontend, "Backends of the service.",
     each_frontend<[](const ServiceRow&, const FrontendRow& f) { return f.total; }>},
    {"weir_service_backends_needed", gauge, kFrontend, "Backends that must take new flows (`need`).",
     each_frontend<[](const ServiceRow& s, const FrontendRow&) { return s.need; }>},
    {"weir_service_overflow_ratio", gauge, kFrontend, "The part of new flows that backup pools take, 0 to 1.",
     each_frontend<[](const ServiceRow&, const FrontendRow& f) {
         return static_cast<double>(f.overflowing) / model::kWhole;
     }>},
    {"weir_service_last_resort", gauge, kFrontend,
     "1 while the fallback pool takes new flows, or backends that are down (`fail_open`).",
     each_frontend<[](const ServiceRow&, const FrontendRow& f) {
         return f.serving == model::Serving::fallback || f.serving == model::Serving::fail_open;
     }>},
    {"weir_backend_up", gauge, kBackend, "1 if the backend is up.",
     each_backend<[](const BackendRow& b) { return b.target.health.up; }>},
    {"weir_backend_disabled", gauge, kBackend,
     "1 if the backend is disabled, by the configuration or by hand.",
     each_backend<[](const BackendRow& b) { return b.target.backend.state == model::AdminState::disabled; }>},
    {"weir_backend_weight", gauge, kBackend, "The weight in force, an override's where there is one.",
     each_backend<[](const BackendRow& b) { return b.target.backend.weight; }>},
    {"weir_backend_effective_weight", gauge, kBackend,
     "What it weighs just now among those that take new flows; 0 if it takes none.",
     each_backend<[](const BackendRow& b) { return control::effective_weight(b.target); }>},
    {"weir_backend_flows_active", gauge, kBackend,
     "Entries of the flow table that have not expired, without those of sources (`sticky:`).",
     each_backend<[](const BackendRow& b) { return b.traffic.flows_active; }>},
    {"weir_backend_flows_total", counter, kBackend, "Flows that the backend was chosen for.",
     each_backend<[](const BackendRow& b) { return b.traffic.flows_total; }>},
    {"weir_backend_packets_total", counter, kBackend, "Packets forwarded to the backend.",
     each_backend<[](const BackendRow& b) { return b.traffic.packets_total; }>},
    {"weir_backend_bytes_total", counter, kBackend, "Bytes forwarded to the backend, in frames without FCS.",
     each_backend<[](const BackendRow& b) { return b.traffic.bytes_total; }>},
    {"weir_check_duration_seconds", gauge, kBackend, "How long the backend's last probe took.",
     check_duration},
    {"weir_not_probed_total",
     counter,
     {},
     "Probes that this host could not make, for want of descriptors, memory or ports. They count neither "
     "way.",
     one<[](const Report& r) { return r.not_probed.total; }>},
    {"weir_not_forwarded_packets_total",
     counter,
     {"reason", "verdict"},
     "Packets that were not forwarded, by reason; verdict: drop, pass to the host's stack, or reply where "
     "weir "
     "answered itself.",
     not_forwarded},
    {"weir_source_up", gauge, kSource, "1 unless what the pool's source has found may be out of date.",
     each_source<[](const SourceRow& s) { return s.state == control::SourceState::ok; }>},
    {"weir_source_backends", gauge, kSource, "Backends of the source that are in force.",
     each_source<[](const SourceRow& s) { return s.members; }>},
    {"weir_source_held_back", gauge, kSource, "1 while its last set is not followed, being too small.",
     each_source<[](const SourceRow& s) { return !s.held_back.empty(); }>},
    {"weir_source_refused", gauge, kSource,
     "What of its last set is no backend, or cannot be one of the pool's.",
     each_source<[](const SourceRow& s) { return s.refused.size() + s.left_out.size(); }>},
    {"weir_source_answered_timestamp_seconds", gauge, kSource,
     "When the source has last found anything; 0 if never.", each_source<[](const SourceRow& s) {
         return s.answered_at ? std::chrono::duration<double>(s.answered_at->time_since_epoch()).count()
                              : 0.0;
     }>},
    {"weir_source_sets_total", counter, kSource, "Sets of backends that the source has found.",
     each_source<[](const SourceRow& s) { return s.sets_total; }>},
    {"weir_source_failures_total", counter, kSource, "How often the source could not find any.",
     each_source<[](const SourceRow& s) { return s.failures_total; }>},
    {"weir_bgp_peer_up", gauge, kPeer, "1 if the session with the BGP peer is established.",
     each_peer<[](const PeerRow& p) { return p.state == "established"; }>},
    {"weir_bgp_sessions_total", counter, kPeer, "Sessions with the peer that were established.",
     each_peer<[](const PeerRow& p) { return p.established_total; }>},
    {"weir_bgp_routes", gauge, kPeer, "Routes that the peer has been told of.",
     each_peer<[](const PeerRow& p) { return p.routes.size(); }>},
    {"weir_bgp_routes_withheld", gauge, kPeer, "Announced VIPs that this peer is not told of.",
     each_peer<[](const PeerRow& p) { return p.withheld.size(); }>},
    {"weir_bgp_messages_total",
     counter,
     {"peer", "asn", "direction", "type"},
     "BGP messages, received and sent.",
     bgp_messages},
    {"weir_bgp_prefixes_ignored_total", counter, kPeer,
     "Prefixes that the peer announced; weir imports none.",
     each_peer<[](const PeerRow& p) { return p.prefixes_ignored_total; }>},
    {"weir_bgp_faults_total", counter, kPeer, "UPDATEs with a fault that the session outlived (RFC 7606).",
     each_peer<[](const PeerRow& p) { return p.faults_total; }>},
    {"weir_bgp_strangers_total",
     counter,
     {},
     "Connections to the BGP port from addresses that are no peer's.",
     bgp_strangers},
    {"weir_bfd_up", gauge, kPeer, "1 if the BFD session with the BGP peer is up.",
     each_bfd<[](const BfdRow& b) { return b.state == "up"; }>},
    {"weir_bfd_sessions_total", counter, kPeer, "How often the BFD session with the peer came up.",
     each_bfd<[](const BfdRow& b) { return b.up_total; }>},
    {"weir_bfd_detection_seconds", gauge, kPeer,
     "After so long without a packet from the peer its path is gone, as negotiated.",
     each_bfd<[](const BfdRow& b) { return std::chrono::duration<double>(b.detection_time).count(); }>},
    {"weir_bfd_packets_total",
     counter,
     {"peer", "asn", "direction"},
     "BFD packets, received in order and sent.",
     bfd_packets},
    {"weir_bfd_refused_total",
     counter,
     {"peer", "asn", "reason"},
     "BFD packets of the peer that were refused.",
     bfd_refused},
    {"weir_bfd_strangers_total",
     counter,
     {},
     "BFD packets from addresses that no session is with.",
     bfd_strangers},
    {"weir_vip_claimed",
     gauge,
     {"vip", "mac", "interface"},
     "1 for each announced VIP that somebody else on the network has claimed in the last ten minutes.",
     claimed},
    {"weir_flow_table_entries",
     gauge,
     {},
     "Entries of the flow table in use.",
     one<[](const Report& r) { return r.flow_table.used; }>},
    {"weir_flow_table_capacity",
     gauge,
     {},
     "Entries that the flow table has room for.",
     one<[](const Report& r) { return r.flow_table.capacity; }>},
    {"weir_flow_table_full_total",
     counter,
     {},
     "Flows forwarded without an entry, because their bucket was full.",
     one<[](const Report& r) { return r.flow_table.full_total; }>},
    {"weir_flow_table_evicted_total",
     counter,
     {},
     "Entries of flows that had only begun, which made room for newer ones.",
     one<[](const Report& r) { return r.flow_table.evicted_total; }>},
    {"weir_nat_entries",
     gauge,
     {},
     "Flows that NAT translates now.",
     one<[](const Report& r) { return r.flow_table.nat_used; }>},
    {"weir_nat_capacity",
     gauge,
     {},
     "Flows that NAT has room for; 0 where no service uses it.",
     one<[](const Report& r) { return r.flow_table.nat_capacity; }>},
};

prometheus::MetricFamily family_of(const Metric& metric, const Report& report) {
    prometheus::MetricFamily family;
    family.name = metric.name;
    family.help = metric.help;
    family.type = metric.kind == counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
    metric.collect(report, [&](std::vector<std::string> values, double value) {
        prometheus::ClientMetric sample;
        for (size_t i = 0; i < values.size(); ++i)
            sample.label.push_back({std::string(metric.labels[i]), std::move(values[i])});
        (metric.kind == counter ? sample.counter.value : sample.gauge.value) = value;
        family.metric.push_back(std::move(sample));
    });
    return family;
}

}  // namespace

std::span<const Metric> metric_table() {
    static const auto table = [] {
        auto all = kMetrics;
        for (auto& each : sync_metrics()) all.push_back(std::move(each));
        return all;
    }();
    return table;
}

std::string metrics_text(const Measured& report) {
    std::vector<prometheus::MetricFamily> families;
    for (const auto& metric : metric_table())
        if (auto family = family_of(metric, report); !family.metric.empty())
            families.push_back(std::move(family));
    std::ostringstream text;
    prometheus::TextSerializer().Serialize(text, families);
    return std::move(text).str();
}

}  // namespace weir::admin
