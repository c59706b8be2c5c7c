#include "control/json_parts.h"

#include <fmt/ranges.h>

namespace weir::control {

namespace json = boost::json;

json::array prefixes_json(const std::vector<net::Prefix>& prefixes) {
    return list(prefixes, [](const net::Prefix& prefix) { return json::string(prefix.text()); });
}

json::array interfaces_json(const std::vector<model::Interface>& interfaces) {
    return list(interfaces, [](const model::Interface& interface) {
        return json::object{{"name", interface.name}, {"mode", text(model::to_text(interface.mode))}};
    });
}

json::object vlans_json(const model::Vlans& vlans) {
    json::object object;
    for (const auto& [id, prefixes] : vlans) object[std::to_string(id)] = prefixes_json(prefixes);
    return object;
}

json::object flows_json(const model::Flows& flows) {
    return {{"size", flows.size},
            {"handshake_seconds", flows.handshake.count()},
            {"established_seconds", flows.established.count()},
            {"closing_seconds", flows.closing.count()},
            {"udp_seconds", flows.udp.count()}};
}

json::object icmp_json(const model::Icmp& icmp) {
    return {{"echo", icmp.echo}, {"rate", icmp.rate}};
}

json::object forward_settings_json(const model::Forward& forward) {
    json::object object;
    if (forward.port) object["port"] = forward.port->value();
    if (forward.kind == model::ForwardKind::dscp) object["value"] = forward.dscp;
    if (!forward.sources.empty()) object["source"] = prefixes_json(forward.sources);
    return object;
}

json::value sticky_json(const std::optional<model::Sticky>& sticky) {
    if (!sticky) return nullptr;
    return json::object{{"ipv4", sticky->v4}, {"ipv6", sticky->v6}};
}

json::object quic_json(const model::QuicConfig& config) {
    return {{"rotation", config.rotation},
            {"server_id_length", config.server_id_length},
            {"nonce_length", config.nonce_length},
            {"encrypted", config.key.has_value()}};
}

json::value server_id_json(const std::vector<uint8_t>& id) {
    if (id.empty()) return nullptr;
    return text(fmt::format("{:02x}", fmt::join(id, "")));
}

}  // namespace weir::control
