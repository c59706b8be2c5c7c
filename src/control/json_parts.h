// Pieces of the API's JSON that more than one answer has. Only for the sources that make them.
#pragma once

#include <boost/json.hpp>
#include <chrono>
#include <optional>
#include <string_view>
#include <type_traits>
#include <vector>

#include "model/config.h"

namespace weir::control {

inline boost::json::string text(std::string_view view) {
    return boost::json::string(view.data(), view.size());
}

/// null in place of nothing.
inline boost::json::value or_null(std::string_view words) {
    return words.empty() ? boost::json::value(nullptr) : boost::json::value(text(words));
}
/// A number, or what has a text().
template <class T>
boost::json::value or_null(const std::optional<T>& value) {
    if (!value) return nullptr;
    if constexpr (std::is_arithmetic_v<T>)
        return *value;
    else
        return text(value->text());
}

template <class Duration>
double seconds(Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

template <class Range, class Make>
boost::json::array list(const Range& range, Make make) {
    boost::json::array array;
    for (const auto& each : range) array.push_back(make(each));
    return array;
}

boost::json::array prefixes_json(const std::vector<net::Prefix>& prefixes);
boost::json::array interfaces_json(const std::vector<model::Interface>& interfaces);
boost::json::object vlans_json(const model::Vlans& vlans);
boost::json::object flows_json(const model::Flows& flows);
boost::json::object icmp_json(const model::Icmp& icmp);
/// What stands behind the method in the configuration.
boost::json::object forward_settings_json(const model::Forward& forward);
boost::json::value sticky_json(const std::optional<model::Sticky>& sticky);
/// null where the engine looks up no table.
boost::json::value table_size_json(const model::Scheduler& scheduler, const std::optional<model::Ipvs>& ipvs);
boost::json::value ipvs_json(const std::optional<model::Ipvs>& ipvs);
boost::json::value ipvs_sync_json(const std::optional<model::IpvsSync>& sync);
boost::json::value ipvs_timeouts_json(const std::optional<model::IpvsTimeouts>& timeouts);
boost::json::value proxy_json(const std::optional<model::Proxy>& proxy);
boost::json::object proxy_engine_json(const model::ProxyEngine& engine);
/// Never the key.
boost::json::object quic_json(const model::QuicConfig& config);
/// Without passwords.
boost::json::value bgp_config_json(const model::Bgp& bgp);
/// Without keys.
boost::json::value sync_config_json(const model::Sync& sync);
boost::json::object bgp_attributes_json(const model::BgpAttributes& attributes);
/// In hex; null where there is none.
boost::json::value server_id_json(const std::vector<uint8_t>& id);

}  // namespace weir::control
