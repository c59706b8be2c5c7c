#include "control/json_parts.h"

namespace weir::control {

namespace json = boost::json;

namespace {

json::value seconds_or_null(const std::optional<std::chrono::seconds>& time) {
    return time ? json::value(time->count()) : json::value(nullptr);
}

json::value port_or_null(const std::optional<net::Port>& port) {
    return port ? json::value(port->value()) : json::value(nullptr);
}

}  // namespace

json::value table_size_json(const model::Scheduler& scheduler, const std::optional<model::Ipvs>& ipvs) {
    return ipvs ? json::value(nullptr) : json::value(scheduler.table_size);
}

json::value ipvs_json(const std::optional<model::Ipvs>& ipvs) {
    if (!ipvs) return nullptr;
    return json::object{{"flags", list(ipvs->scheduler_flags, [](const auto& flag) { return text(flag); })},
                        {"persistence_seconds", ipvs->persistence.count()},
                        {"netmask", json::object{{"ipv4", ipvs->netmask_v4}, {"ipv6", ipvs->netmask_v6}}},
                        {"one_packet", ipvs->one_packet}};
}

json::value ipvs_sync_json(const std::optional<model::IpvsSync>& sync) {
    if (!sync) return nullptr;
    return json::object{{"role", text(model::to_text(sync->role))},
                        {"interface", sync->interface},
                        {"id", sync->id},
                        {"group", or_null(sync->group)},
                        {"port", port_or_null(sync->port)},
                        {"ttl", or_null(sync->ttl)}};
}

json::value ipvs_timeouts_json(const std::optional<model::IpvsTimeouts>& timeouts) {
    if (!timeouts) return nullptr;
    return json::object{{"tcp_seconds", seconds_or_null(timeouts->tcp)},
                        {"tcp_fin_seconds", seconds_or_null(timeouts->tcp_fin)},
                        {"udp_seconds", seconds_or_null(timeouts->udp)}};
}

}  // namespace weir::control
