// BGP in the API's JSON: what is configured, and what came of it.
#include "control/json.h"
#include "control/json_parts.h"

namespace weir::control {

namespace json = boost::json;

namespace {

json::array communities_json(const std::vector<uint32_t>& communities) {
    return list(communities, [](uint32_t each) { return text(model::community_text(each)); });
}
json::array large_communities_json(const std::vector<model::LargeCommunity>& communities) {
    return list(communities, [](const auto& each) { return text(model::to_text(each)); });
}

json::value bfd_config_json(const std::optional<model::Bfd>& bfd) {
    if (!bfd) return nullptr;
    return json::object{{"interval_seconds", seconds(bfd->interval)},
                        {"multiplier", bfd->multiplier},
                        {"multihop", or_null(bfd->multihop)}};
}

json::object peer_config_json(const model::BgpPeer& peer) {
    json::object object{{"address", peer.address.text()},
                        {"asn", peer.asn},
                        {"port", peer.port.value()},
                        {"description", or_null(peer.description)},
                        {"source", or_null(peer.source)},
                        {"password", peer.password.empty() ? json::value(nullptr) : json::value("set")},
                        {"hold_time_seconds", peer.hold_time.count()},
                        {"connect_retry_seconds", peer.connect_retry.count()},
                        {"passive", peer.passive},
                        {"multihop", or_null(peer.multihop)},
                        {"ttl_security", or_null(peer.ttl_security)},
                        {"next_hop_ipv4", or_null(peer.next_hop_v4)},
                        {"next_hop_ipv6", or_null(peer.next_hop_v6)},
                        {"export", prefixes_json(peer.accept)},
                        {"reject", prefixes_json(peer.reject)}};
    object["bfd"] = bfd_config_json(peer.bfd);
    object["attributes"] = bgp_attributes_json(peer.attributes);
    return object;
}

json::object route_json(const announce::BgpRouteRow& route) {
    return {{"prefix", route.prefix.text()},
            {"next_hop", route.next_hop.text()},
            {"as_path", list(route.as_path, [](uint32_t asn) { return asn; })},
            {"med", or_null(route.med)},
            {"local_pref", or_null(route.local_pref)},
            {"communities", communities_json(route.communities)},
            {"large_communities", large_communities_json(route.large_communities)}};
}

template <size_t Size>
json::object counts_json(const std::array<std::string_view, Size>& words,
                         const std::array<uint64_t, Size>& counts) {
    json::object object;
    for (size_t i = 0; i < Size; ++i) object[text(words[i])] = counts[i];
    return object;
}

json::value bfd_json(const std::optional<announce::BfdRow>& row) {
    if (!row) return nullptr;
    return json::object{{"state", text(row->state)},
                        {"remote_state", text(row->remote_state)},
                        {"diagnostic", text(row->diagnostic)},
                        {"remote_diagnostic", text(row->remote_diagnostic)},
                        {"since", time_text(row->since)},
                        {"multihop", row->multihop},
                        {"local_address", or_null(row->local)},
                        {"last_error", or_null(row->last_error)},
                        {"transmit_interval_seconds", seconds(row->transmit_interval)},
                        {"receive_interval_seconds", seconds(row->receive_interval)},
                        {"detection_time_seconds", seconds(row->detection_time)},
                        {"up_total", row->up_total},
                        {"received_total", row->received_total},
                        {"sent_total", row->sent_total},
                        {"refused_total", counts_json(announce::kBfdRefusals, row->refused_total)}};
}

json::object peer_json(const announce::BgpPeerRow& row) {
    const auto& settings = row.settings;
    return {{"address", settings.address.text()},
            {"asn", settings.asn},
            {"description", or_null(settings.description)},
            {"state", text(row.state)},
            {"since", time_text(row.since)},
            {"last_error", or_null(row.last_error)},
            {"local_address", or_null(row.local)},
            {"router_id", or_null(row.router_id)},
            {"hold_time_seconds", row.hold_time.count()},
            {"agreed", list(row.agreed, [](auto word) { return text(word); })},
            {"routes", list(row.routes, route_json)},
            {"withheld", list(row.withheld,
                              [](const auto& each) {
                                  return json::object{{"prefix", each.first.text()}, {"reason", each.second}};
                              })},
            {"established_total", row.established_total},
            {"received_total", counts_json(announce::kBgpMessages, row.received_total)},
            {"sent_total", counts_json(announce::kBgpMessages, row.sent_total)},
            {"prefixes_ignored_total", row.prefixes_ignored_total},
            {"faults_total", row.faults_total},
            {"last_fault", or_null(row.last_fault)},
            {"bfd", bfd_json(row.bfd)}};
}

}  // namespace

json::object bgp_attributes_json(const model::BgpAttributes& attributes) {
    return {{"med", or_null(attributes.med)},
            {"local_pref", or_null(attributes.local_pref)},
            {"prepend", or_null(attributes.prepend)},
            {"communities", communities_json(attributes.communities)},
            {"large_communities", large_communities_json(attributes.large_communities)}};
}

json::value bgp_config_json(const model::Bgp& bgp) {
    if (bgp.asn == 0) return nullptr;
    return json::object{{"asn", bgp.asn},
                        {"router_id", or_null(bgp.router_id)},
                        {"listen", list(bgp.listen, [](const auto& at) { return text(at.text()); })},
                        {"drain_seconds", bgp.drain.count()},
                        {"graceful_shutdown_seconds", bgp.graceful_shutdown.count()},
                        {"restart_time_seconds", bgp.restart_time.count()},
                        {"shutdown_message", or_null(bgp.shutdown_message)},
                        {"peers", list(bgp.peers, peer_config_json)}};
}

json::object bgp_json(const announce::BgpReport& report) {
    return {{"asn", report.asn == 0 ? json::value(nullptr) : json::value(report.asn)},
            {"router_id", or_null(report.router_id)},
            {"listening", list(report.listening, [](const auto& at) { return text(at.text()); })},
            {"strangers_total", report.strangers_total},
            {"bfd_strangers_total", report.bfd_strangers_total},
            {"peers", list(report.peers, peer_json)}};
}

}  // namespace weir::control
