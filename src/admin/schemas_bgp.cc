#include <cstdint>

#include "admin/schema_parts.h"
#include "control/status.h"

namespace weir::admin {
namespace {

json::object asn() {
    return whole(1, UINT32_MAX);
}

json::object bfd_session() {
    const Words states{"admin_down", "down", "init", "up"};
    Fields refusals;
    for (auto word : announce::kBfdRefusals) refusals.emplace_back(word, whole());
    return record({{"state", words(states)},
                   {"remote_state", words(states)},
                   {"diagnostic", text()},
                   {"remote_diagnostic", text()},
                   {"since", time()},
                   {"multihop", truth()},
                   {"local_address", or_null(text())},
                   {"last_error", or_null(text())},
                   {"transmit_interval_seconds", number()},
                   {"receive_interval_seconds", number()},
                   {"detection_time_seconds", number()},
                   {"up_total", whole()},
                   {"received_total", whole()},
                   {"sent_total", whole()},
                   {"refused_total", record(refusals)}});
}

}  // namespace

json::object bgp_attributes() {
    return record({{"med", or_null(whole())},
                   {"local_pref", or_null(whole())},
                   {"prepend", or_null(whole())},
                   {"communities", list(text())},
                   {"large_communities", list(text())}});
}

json::object bgp_settings() {
    auto peer = record({{"address", text()},
                        {"asn", asn()},
                        {"port", whole(1, 65535)},
                        {"description", or_null(text())},
                        {"source", or_null(text())},
                        {"password", secret()},
                        {"hold_time_seconds", whole()},
                        {"connect_retry_seconds", whole()},
                        {"passive", truth()},
                        {"multihop", or_null(whole(1, 255))},
                        {"ttl_security", or_null(whole(1, 254))},
                        {"next_hop_ipv4", or_null(text())},
                        {"next_hop_ipv6", or_null(text())},
                        {"export", list(text())},
                        {"reject", list(text())},
                        {"bfd", or_null(record({{"interval_seconds", number()},
                                                {"multiplier", whole(1, 255)},
                                                {"multihop", or_null(truth())}}))},
                        {"attributes", bgp_attributes()}});
    return record({{"asn", asn()},
                   {"router_id", or_null(text())},
                   {"listen", list(text())},
                   {"drain_seconds", whole()},
                   {"graceful_shutdown_seconds", whole()},
                   {"restart_time_seconds", whole()},
                   {"shutdown_message", or_null(text())},
                   {"peers", list(peer)}});
}

void add_bgp(json::object& to) {
    auto counts = record({{"open", whole()},
                          {"update", whole()},
                          {"notification", whole()},
                          {"keepalive", whole()},
                          {"route_refresh", whole()}});
    auto route = record({{"prefix", text()},
                         {"next_hop", text()},
                         {"as_path", list(asn())},
                         {"med", or_null(whole())},
                         {"local_pref", or_null(whole())},
                         {"communities", list(text())},
                         {"large_communities", list(text())}});
    auto states = words({"idle", "connect", "active", "open_sent", "open_confirm", "established"});
    auto peer = record({{"address", text()},
                        {"asn", asn()},
                        {"description", or_null(text())},
                        {"state", states},
                        {"since", time()},
                        {"last_error", or_null(text())},
                        {"local_address", or_null(text())},
                        {"router_id", or_null(text())},
                        {"hold_time_seconds", whole()},
                        {"agreed", list(text())},
                        {"routes", list(route)},
                        {"withheld", list(record({{"prefix", text()}, {"reason", text()}}))},
                        {"established_total", whole()},
                        {"received_total", counts},
                        {"sent_total", counts},
                        {"prefixes_ignored_total", whole()},
                        {"faults_total", whole()},
                        {"last_fault", or_null(text())},
                        {"bfd", or_null(bfd_session())}});
    to["Bgp"] = record({{"asn", or_null(asn())},
                        {"router_id", or_null(text())},
                        {"listening", list(text())},
                        {"strangers_total", whole()},
                        {"bfd_strangers_total", whole()},
                        {"peers", list(peer)}});
}

}  // namespace weir::admin
