#include "admin/schemas.h"

#include "admin/schema_parts.h"
#include "model/event_kind.h"

namespace weir::admin {
namespace {

json::object port() {
    return any_of({whole(0, 65535), text()});
}
json::object port_or_null() {
    return or_null(whole(1, 65535));
}
Fields frontend_key() {
    return {{"vip", text()}, {"port", port()}, {"protocol", text()}};
}
json::object state() {
    return words({"enabled", "draining", "disabled"});
}
json::object serving() {
    return words({"nothing", "pool", "backup", "fallback", "fail_open"});
}
json::object forward() {
    return words({"dsr", "ipip", "gre", "fou", "gue", "dscp", "nat", "proxy"});
}
json::object scheduler() {
    return words({"maglev", "rendezvous", "rr", "random", "wlc", "wrr", "lc", "lblc", "lblcr", "dh", "sh",
                  "mh", "sed", "nq", "fo", "ovf", "twos"});
}
json::object engine() {
    return words({"xdp", "ipvs", "proxy"});
}
json::object ipvs() {
    return record({{"flags", list(text())},
                   {"persistence_seconds", whole()},
                   {"netmask", record({{"ipv4", whole(1, 32)}, {"ipv6", whole(1, 128)}})},
                   {"one_packet", truth()}});
}
Fields forward_fields() {
    auto settings = record({{"port", whole(1, 65535)}, {"value", whole(1, 63)}, {"source", list(text())}},
                           {"port", "value", "source"});
    return {{"engine", engine()},
            {"forward", forward()},
            {"forward_settings", settings},
            {"scheduler", scheduler()},
            {"table_size", or_null(whole())},
            {"ipvs", or_null(ipvs())},
            {"proxy", or_null(proxy())},
            {"sticky", or_null(record({{"ipv4", whole(0, 32)}, {"ipv6", whole(0, 128)}}))},
            {"quic", list(record({{"rotation", whole(0, 6)},
                                  {"server_id_length", whole()},
                                  {"nonce_length", whole()},
                                  {"encrypted", truth()}}))},
            {"announce_arp", truth()}};
}
Fields health_fields() {
    return {{"weight", whole(0, 1000)},
            {"effective_weight", number()},
            {"tier", any_of({whole(), words({"fallback"})})},
            {"state", state()},
            {"health", words({"up", "down"})},
            {"reason", text()},
            {"accepts", words({"all", "established", "nothing"})},
            {"limited", text()}};
}
Fields said_fields() {
    return {
        {"state", or_null(state())},   {"weight", or_null(whole(0, 1000))}, {"by", text()}, {"at", time()},
        {"deadline", or_null(time())}, {"flows_cut", or_null(whole())}};
}
Fields settings_fields() {
    return {{"interfaces", list(record({{"name", text()}, {"mode", words({"auto", "native", "generic"})}}))},
            {"vlans", by_name(list(text()))},
            {"flows", record({{"size", whole()},
                              {"handshake_seconds", whole()},
                              {"established_seconds", whole()},
                              {"closing_seconds", whole()},
                              {"udp_seconds", whole()}})},
            {"icmp", record({{"echo", truth()}, {"rate", whole()}})},
            {"unmatched", words({"drop", "pass"})},
            {"watchdog_seconds", whole()},
            {"ipvs_sync", or_null(record({{"role", words({"master", "backup", "both"})},
                                          {"interface", text()},
                                          {"id", whole(0, 255)},
                                          {"group", or_null(text())},
                                          {"port", port_or_null()},
                                          {"ttl", or_null(whole(1, 255))}}))},
            {"ipvs_timeouts", or_null(record({{"tcp_seconds", or_null(whole())},
                                              {"tcp_fin_seconds", or_null(whole())},
                                              {"udp_seconds", or_null(whole())}}))},
            {"proxy", proxy_engine()}};
}

json::object event_kind() {
    json::array kinds;
    for (size_t kind = 0; kind < model::kEventKinds; ++kind)
        kinds.push_back(text_of(model::to_text(static_cast<model::EventKind>(kind))));
    return {{"type", "string"}, {"enum", std::move(kinds)}};
}

void add_errors(json::object& to) {
    auto mistake = record({{"line", whole()}, {"column", whole()}, {"message", text()}});
    to["Error"] = record({{"error", text()}});
    to["Refusal"] = record({{"error", text()}, {"config", text()}, {"mistakes", list(mistake)}});
}

void add_status(json::object& to) {
    auto flow_table = record({{"capacity", whole()},
                              {"used", whole()},
                              {"full_total", whole()},
                              {"evicted_total", whole()},
                              {"nat_capacity", whole()},
                              {"nat_used", whole()}});
    auto plan = record({{"number", whole()},
                        {"applied_at", or_null(time())},
                        {"apply_failures_total", whole()},
                        {"error", text()}});
    auto reload = record({{"ok", truth()},
                          {"at", or_null(time())},
                          {"error", text()},
                          {"accepted_total", whole()},
                          {"refused_total", whole()}});
    auto not_forwarded = record(
        {{"reason", text()}, {"verdict", words({"drop", "pass", "reply"})}, {"packets_total", whole()}});
    auto claim = record({{"vip", text()}, {"mac", text()}, {"interface", text()}, {"last_at", time()}});
    to["Status"] = record(
        {{"version", text()},
         {"pid", whole()},
         {"started_at", time()},
         {"config", text()},
         {"engine", text()},
         {"problems", list(text())},
         {"plan", plan},
         {"reload", reload},
         {"overrides", record({{"count", whole()}, {"saved", truth()}, {"save_failures_total", whole()}})},
         {"interfaces", list(record({{"name", text()}, {"mode", text()}, {"error", text()}}))},
         {"flow_table", flow_table},
         {"not_forwarded", list(not_forwarded)},
         {"claims", list(claim)},
         {"services", ref("Services")}});
    auto frontend = record(frontend_key() + Fields{{"engine", engine()},
                                                   {"forward", forward()},
                                                   {"scheduler", scheduler()},
                                                   {"healthy", truth()},
                                                   {"serving", serving()},
                                                   {"up", whole()},
                                                   {"usable", whole()},
                                                   {"total", whole()}});
    to["Services"] = list(
        record({{"name", text()}, {"need", whole()}, {"healthy", truth()}, {"frontends", list(frontend)}}));
}

void add_backends(json::object& to) {
    auto check =
        record({{"ok", truth()}, {"message", text()}, {"latency_seconds", number()}, {"at", time()}});
    auto configured = record({{"state", state()}, {"weight", whole(0, 1000)}});
    to["Backends"] = list(
        record(Fields{{"service", text()}} + frontend_key() +
               Fields{{"address", text()}, {"backend_port", port()}} + health_fields() +
               Fields{{"flows_active", whole()},
                      {"flows_total", whole()},
                      {"packets_total", whole()},
                      {"bytes_total", whole()},
                      {"last_check", or_null(check)},
                      {"last_change", or_null(time())},
                      {"override", or_null(record(said_fields() + Fields{{"configured", configured}}))}}));
    to["Override"] =
        record(Fields{{"backend", text()}, {"service", or_null(text())}} + said_fields() +
               Fields{{"used", truth()}, {"flows_active", whole()}, {"drained", or_null(truth())}});
    to["Overrides"] = list(ref("Override"));
    to["Overridden"] =
        record({{"plan", whole()}, {"override", or_null(ref("Override"))}, {"warning", text()}});
    to["Wish"] = record({{"backend", text()},
                         {"service", or_null(text())},
                         {"state", or_null(state())},
                         {"weight", or_null(whole(0, 1000))},
                         {"deadline_seconds", or_null(whole(1, 604800))}},
                        {"service", "state", "weight", "deadline_seconds"});
    auto member = record({{"address", text()},
                          {"port", port_or_null()},
                          {"weight", whole(0, 1000)},
                          {"state", state()},
                          {"max_connections", whole()},
                          {"priority", whole(0, 65535)},
                          {"server_id", or_null(text())},
                          {"targets", whole()},
                          {"up", whole()},
                          {"taking", whole()},
                          {"flows_active", whole()},
                          {"overrides", ref("Overrides")}});
    auto use = record({{"service", text()}, {"as", words({"pool", "backup", "fallback"})}});
    auto source = record({{"kind", text()},
                          {"state", words({"starting", "ok", "failing"})},
                          {"members", whole()},
                          {"error", or_null(text())},
                          {"held_back", or_null(text())},
                          {"refused", list(text())},
                          {"left_out", list(text())},
                          {"duplicates", whole()},
                          {"damped", whole()},
                          {"answered_at", or_null(time())},
                          {"changed_at", or_null(time())},
                          {"sets_total", whole()},
                          {"failures_total", whole()}});
    to["Pools"] = list(record(
        {{"name", text()}, {"used_by", list(use)}, {"sources", list(source)}, {"backends", list(member)}}));
}

void add_flows(json::object& to) {
    const Fields states{
        {"new", whole()}, {"established", whole()}, {"closing", whole()}, {"datagram", whole()}};
    auto table = record(Fields{{"capacity", whole()}, {"used", whole()}} + states +
                        Fields{{"sources", whole()},
                               {"left_behind", whole()},
                               {"full_total", whole()},
                               {"evicted_total", whole()},
                               {"nat_capacity", whole()},
                               {"nat_used", whole()}});
    auto holder = record(Fields{{"service", text()}, {"address", text()}, {"flows_active", whole()}} +
                         states + Fields{{"share", number()}, {"share_by_weight", number()}});
    to["Flows"] = record({{"flow_table", table}, {"matching", whole()}, {"backends", list(holder)}});
}

void add_plan(json::object& to) {
    auto target =
        record(Fields{{"address", text()}, {"backend_port", port()}, {"server_id", or_null(text())}} +
               health_fields() + Fields{{"share", number()}});
    to["Frontend"] = record(Fields{{"service", text()}} + frontend_key() + forward_fields() +
                            Fields{{"healthy", truth()}, {"serving", serving()}, {"targets", list(target)}});
    to["Plan"] = record(Fields{{"number", whole()}} + settings_fields() +
                        Fields{{"frontends", list(ref("Frontend"))}});
    auto side = or_null(record(health_fields()));
    auto change =
        record(Fields{{"service", text()}} + frontend_key() +
               Fields{{"healthy", truth()},
                      {"scheduler_changed", truth()},
                      {"share_moved", number()},
                      {"targets", list(record({{"address", text()}, {"before", side}, {"after", side}}))}});
    to["Difference"] = record({{"changes", truth()},
                               {"settings", list(text())},
                               {"frontends_added", list(ref("Frontend"))},
                               {"frontends_removed", list(ref("Frontend"))},
                               {"frontends_changed", list(change)}});
    to["Reloaded"] = record({{"plan", whole()}});
    to["Trace"] = record(Fields{{"source", text()}} + frontend_key() +
                         Fields{{"action", words({"forward", "pass", "drop", "reply"})},
                                {"backend", or_null(text())},
                                {"reason", text()}});
}

void add_events(json::object& to) {
    to["Event"] = record({{"id", whole()},
                          {"at", time()},
                          {"kind", event_kind()},
                          {"service", or_null(text())},
                          {"backend", or_null(text())},
                          {"peer", or_null(text())},
                          {"vip", or_null(text())},
                          {"port", or_null(port())},
                          {"protocol", or_null(text())},
                          {"message", text()}});
    to["Events"] = list(ref("Event"));
}

json::object tls() {
    return record({{"sni", or_null(text())},
                   {"verify", truth()},
                   {"ca_file", secret()},
                   {"certificate", secret()},
                   {"key", secret()},
                   {"expiry_warning_seconds", number()}});
}

json::object check_settings() {
    Fields http{{"path", text()},
                {"query", secret()},
                {"host", or_null(text())},
                {"expect", list(text())},
                {"method", words({"GET", "HEAD", "OPTIONS"})},
                {"headers", by_name(secret())},
                {"body", secret()}};
    return any_of({record({}), record({{"send", secret()}, {"expect", secret()}}), record(http),
                   record(http + Fields{{"tls", tls()}}),
                   record({{"name", text()},
                           {"type", text()},
                           {"expect", or_null(text())},
                           {"rcode", text()},
                           {"carrier", words({"udp", "tcp"})}}),
                   record({{"program", or_null(text())},
                           {"arguments", secret()},
                           {"user", whole()},
                           {"group", whole()}})});
}

json::object alert() {
    auto settings = any_of({record({}), record({{"server", or_null(text())}, {"facility", whole(0, 23)}}),
                            record({{"origin", text()},
                                    {"format", words({"json", "slack", "teams"})},
                                    {"headers", by_name(secret())},
                                    {"tls", tls()}})});
    return record({{"to", words({"webhook", "syslog", "journal"})},
                   {"settings", settings},
                   {"events", list(event_kind())},
                   {"severity", words({"info", "warning", "error"})},
                   {"settle_seconds", number()},
                   {"rate", whole()}});
}

void add_config(json::object& to) {
    auto check = record({{"kind", words({"tcp", "syn", "udp", "icmp", "http", "https", "dns", "exec"})},
                         {"settings", check_settings()},
                         {"port", port_or_null()},
                         {"interval_seconds", number()},
                         {"timeout_seconds", number()},
                         {"history", whole()},
                         {"rise", whole()},
                         {"fall", whole()}});
    auto service = record(Fields{{"vip", list(text())},
                                 {"ports", list(text())},
                                 {"mark", or_null(whole())},
                                 {"family", or_null(words({"inet", "inet6"}))},
                                 {"pool", text()},
                                 {"backup", list(text())},
                                 {"fallback", or_null(text())},
                                 {"overflow_percent", whole()},
                                 {"slow_start_seconds", number()},
                                 {"fail_open", truth()},
                                 {"announce_bgp", or_null(bgp_attributes())},
                                 {"need", whole()},
                                 {"checks", list(check)}} +
                          forward_fields());
    auto backend = record({{"address", text()},
                           {"weight", whole(0, 1000)},
                           {"state", state()},
                           {"port", port_or_null()},
                           {"server_id", or_null(text())},
                           {"max_connections", whole()},
                           {"priority", whole(0, 65535)},
                           {"min_connections", whole()}});
    auto source = record({{"kind", text()}, {"settings", by_name(text())}});
    auto pool = record({{"static", list(backend)},
                        {"sources", list(source)},
                        {"minimum", text()},
                        {"damping_seconds", number()}});
    auto admin = record({{"listen", or_null(text())},
                         {"certificate", secret()},
                         {"key", secret()},
                         {"viewer_token", secret()},
                         {"operator_token", secret()}});
    to["Config"] =
        record(Fields{{"node_address", or_null(text())},
                      {"admin", admin},
                      {"announce", record({{"learn_seconds", whole()}, {"linger_seconds", whole()}})},
                      {"bgp", or_null(bgp_settings())},
                      {"sync", or_null(sync_settings())},
                      {"alerts", by_name(alert())},
                      {"pools", by_name(pool)},
                      {"services", by_name(service)}} +
               settings_fields());
}

}  // namespace

json::object schemas() {
    json::object all;
    for (auto add : {add_errors, add_status, add_backends, add_flows, add_plan, add_bgp, add_sync, add_events,
                     add_config})
        add(all);
    all["Anything"] = type("object");
    return all;
}

}  // namespace weir::admin
