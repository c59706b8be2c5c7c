// Of the sharing of flows; nothing where none are shared.
#include "admin/metrics.h"

namespace weir::admin {
namespace {

using enum MetricKind;
using Report = Measured;
using Row = sync::PeerRow;

/// `Number` is a function of the sync report.
template <auto Number>
void one(const Report& report, const AddSample& add) {
    if (report.sync.enabled) add({}, static_cast<double>(Number(report.sync)));
}

/// `Number` is a function of the row.
template <auto Number>
void each_peer(const Report& report, const AddSample& add) {
    for (const auto& row : report.sync.peers) add({row.endpoint.text()}, static_cast<double>(Number(row)));
}

double seconds(std::chrono::microseconds duration) {
    return std::chrono::duration<double>(duration).count();
}

void flows_received(const Report& report, const AddSample& add) {
    for (const auto& row : report.sync.peers) {
        auto one_of = [&](const char* result, uint64_t total) {
            add({row.endpoint.text(), result}, static_cast<double>(total));
        };
        one_of("taken", row.flows_total.taken);
        one_of("kept", row.flows_total.kept);
        one_of("unknown", row.flows_total.unknown);
        one_of("full", row.flows_total.full);
        one_of("unfit", row.flows_total.unfit);
    }
}

void refused(const Report& report, const AddSample& add) {
    if (!report.sync.enabled) return;
    for (size_t i = 0; i < sync::kRefused; ++i)
        add({std::string(to_text(static_cast<sync::Refused>(i)))},
            static_cast<double>(report.sync.refused[i].total));
}

void snapshots(const Report& report, const AddSample& add) {
    if (!report.sync.enabled) return;
    const auto& counts = report.sync.snapshots;
    add({"asked"}, static_cast<double>(counts.asked_total));
    add({"received"}, static_cast<double>(counts.received_total));
    add({"abandoned"}, static_cast<double>(counts.abandoned_total));
    add({"served"}, static_cast<double>(counts.served_total));
}

}  // namespace

std::vector<Metric> sync_metrics() {
    const std::vector<std::string_view> peer{"peer"};
    return {
        {"weir_sync_peer_up", gauge, peer, "1 if this balancer and the peer share their flows.",
         each_peer<[](const Row& p) { return p.state == sync::PeerState::up; }>},
        {"weir_sync_peer_lag_seconds", gauge, peer,
         "How long a change of the peer's flows takes at most until it is known here, unless a datagram is "
         "lost.",
         each_peer<[](const Row& p) { return seconds(p.lag); }>},
        {"weir_sync_peer_round_trip_seconds", gauge, peer, "From here to the peer and back.",
         each_peer<[](const Row& p) { return seconds(p.round_trip); }>},
        {"weir_sync_peer_datagrams_total", counter, peer, "Datagrams of the peer that were believed.",
         each_peer<[](const Row& p) { return p.datagrams_total; }>},
        {"weir_sync_peer_bytes_total", counter, peer, "Their bytes, without the headers of UDP and IP.",
         each_peer<[](const Row& p) { return p.bytes_total; }>},
        {"weir_sync_peer_lost", gauge, peer,
         "Datagrams of the peer's run that have not come. One that comes late is not among them.",
         each_peer<[](const Row& p) { return p.lost_total; }>},
        {"weir_sync_peer_lost_there", gauge, peer, "Datagrams of ours that have not come there, as it says.",
         each_peer<[](const Row& p) { return p.lost_there_total; }>},
        {"weir_sync_peer_duplicates_total", counter, peer, "Datagrams of the peer that had come before.",
         each_peer<[](const Row& p) { return p.repeated_total; }>},
        {"weir_sync_peer_flows_total",
         counter,
         {"peer", "result"},
         "Flows that the peer has told of: taken, kept (this balancer knows better), unknown (no such "
         "backend "
         "here), full (no room) or unfit (its table is too small for this one's).",
         flows_received},
        {"weir_sync_flows_from_peers",
         gauge,
         {},
         "Entries of the flow table that peers told of, and no packet here has touched.",
         one<[](const sync::Report& r) { return r.flows_from_peers; }>},
        {"weir_sync_pass_seconds",
         gauge,
         {},
         "How long it takes until all changes here are told.",
         one<[](const sync::Report& r) { return seconds(r.pass); }>},
        {"weir_sync_sent_flows_total",
         counter,
         {},
         "Flows that the peers were told of.",
         one<[](const sync::Report& r) { return r.sent.flows_total; }>},
        {"weir_sync_sent_datagrams_total",
         counter,
         {},
         "Datagrams sent; one to three peers counts three times.",
         one<[](const sync::Report& r) { return r.sent.datagrams_total; }>},
        {"weir_sync_sent_bytes_total",
         counter,
         {},
         "Their bytes, without the headers of UDP and IP.",
         one<[](const sync::Report& r) { return r.sent.bytes_total; }>},
        {"weir_sync_deferred_total",
         counter,
         {},
         "How often the kernel had no room for a datagram, and got it later.",
         one<[](const sync::Report& r) { return r.sent.deferred_total; }>},
        {"weir_sync_send_failures_total",
         counter,
         {},
         "Datagrams that the kernel would not send.",
         one<[](const sync::Report& r) { return r.sent.failed_total; }>},
        {"weir_sync_received_datagrams_total",
         counter,
         {},
         "Datagrams that came, whatever became of them.",
         one<[](const sync::Report& r) { return r.received_datagrams_total; }>},
        {"weir_sync_received_bytes_total",
         counter,
         {},
         "Their bytes, without the headers of UDP and IP.",
         one<[](const sync::Report& r) { return r.received_bytes_total; }>},
        {"weir_sync_dropped_total",
         counter,
         {},
         "Datagrams that the kernel had no room for when they came.",
         one<[](const sync::Report& r) { return r.dropped_total; }>},
        {"weir_sync_refused_total",
         counter,
         {"reason"},
         "Datagrams that were refused, by reason; see sync.md.",
         refused},
        {"weir_sync_snapshots_total",
         counter,
         {"what"},
         "Snapshots of a peer's whole table: asked for, received, abandoned (it fell silent), served.",
         snapshots},
    };
}

}  // namespace weir::admin
