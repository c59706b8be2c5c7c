// The sharing of flows in the API's JSON: what is configured, and how it goes.
#include "control/json.h"
#include "control/json_parts.h"

namespace weir::control {

namespace json = boost::json;

namespace {

json::object peer_json(const sync::PeerRow& row) {
    const auto& flows = row.flows_total;
    return {{"address", row.endpoint.text()},
            {"node", or_null(row.node)},
            {"state", text(to_text(row.state))},
            {"fault", or_null(row.fault)},
            {"started_at", time_text(row.started)},
            {"heard_seconds", seconds(row.heard)},
            {"round_trip_seconds", seconds(row.round_trip)},
            {"lag_seconds", seconds(row.lag)},
            {"datagrams_total", row.datagrams_total},
            {"bytes_total", row.bytes_total},
            {"lost_total", row.lost_total},
            {"repeated_total", row.repeated_total},
            {"lost_there_total", row.lost_there_total},
            {"flows", json::object{{"taken_total", flows.taken},
                                   {"kept_total", flows.kept},
                                   {"unknown_total", flows.unknown},
                                   {"full_total", flows.full},
                                   {"unfit_total", flows.unfit}}}};
}

json::array refused_json(const sync::Report& report) {
    json::array all;
    for (size_t i = 0; i < sync::kRefused; ++i)
        all.push_back(json::object{{"reason", text(to_text(static_cast<sync::Refused>(i)))},
                                   {"total", report.refused[i].total},
                                   {"last_from", or_null(report.refused[i].last_from)}});
    return all;
}

}  // namespace

json::value sync_config_json(const model::Sync& sync) {
    if (sync.keys.empty()) return nullptr;
    return json::object{{"group", or_null(sync.group)},
                        {"interface", or_null(sync.interface)},
                        {"listen", or_null(sync.listen)},
                        {"peers", list(sync.peers, [](const auto& peer) { return text(peer.text()); })},
                        {"keys", sync.keys.size()},
                        {"share_percent", sync.share}};
}

json::object sync_json(const sync::Report& report) {
    const auto& sent = report.sent;
    const auto& snapshots = report.snapshots;
    return {{"enabled", report.enabled},
            {"speaks_to", list(report.speaks_to, [](const auto& at) { return text(at.text()); })},
            {"listening", or_null(report.listening)},
            {"error", or_null(report.error)},
            {"pass_seconds", seconds(report.pass)},
            {"flows_from_peers", report.flows_from_peers},
            {"snapshot", json::object{{"state", report.snapshot},
                                      {"asked_total", snapshots.asked_total},
                                      {"received_total", snapshots.received_total},
                                      {"abandoned_total", snapshots.abandoned_total},
                                      {"served_total", snapshots.served_total}}},
            {"sent", json::object{{"datagrams_total", sent.datagrams_total},
                                  {"bytes_total", sent.bytes_total},
                                  {"flows_total", sent.flows_total},
                                  {"deferred_total", sent.deferred_total},
                                  {"failed_total", sent.failed_total}}},
            {"received", json::object{{"datagrams_total", report.received_datagrams_total},
                                      {"bytes_total", report.received_bytes_total},
                                      {"dropped_total", report.dropped_total}}},
            {"refused", refused_json(report)},
            {"peers", list(report.peers, peer_json)}};
}

}  // namespace weir::control
