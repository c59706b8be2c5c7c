#include "control/json.h"

#include <ctime>

#include <boost/json.hpp>

#include "control/json_parts.h"
#include "control/share.h"

namespace weir::control {
namespace {

namespace json = boost::json;

json::value optional_time(const std::optional<SystemTime>& time) {
    if (!time) return nullptr;
    return text(time_text(*time));
}

/// A number, or a text where there is more than one.
json::value port_json(const model::FrontendKey& key) {
    if (key.more_ports == 0) return key.port.value();
    return text(key.port_text());
}

/// Where packets to the backend go.
json::value port_json(const model::FrontendKey& key, const model::Backend& backend) {
    return backend.port ? json::value(backend.port->value()) : port_json(key);
}

void add_key(json::object& to, const model::FrontendKey& key) {
    to["vip"] = key.vip_text();
    to["port"] = port_json(key);
    to["protocol"] = model::to_text(key.protocol);
}

json::value tier_json(const model::Target& target) {
    if (target.tier == model::kFallbackTier) return "fallback";
    return target.tier;
}

json::object health_json(const model::Target& target) {
    return {{"weight", target.backend.weight},
            {"effective_weight", effective_weight(target)},
            {"tier", tier_json(target)},
            {"state", text(model::to_text(target.backend.state))},
            {"health", target.health.up ? "up" : "down"},
            {"reason", target.health.reason},
            {"accepts", text(model::to_text(target.accepts))},
            {"limited", target.limited}};
}

json::value check_json(const std::optional<health::Outcome>& outcome) {
    if (!outcome) return nullptr;
    return json::object{{"ok", outcome->ok},
                        {"message", outcome->message},
                        {"latency_seconds", std::chrono::duration<double>(outcome->latency).count()},
                        {"at", time_text(outcome->at)}};
}

template <class T>
json::value optional_number(const std::optional<T>& number) {
    return number ? json::value(*number) : json::value(nullptr);
}

/// What an override says; null where it leaves something out.
json::object said_json(const model::Override& override) {
    return {{"state", override.state ? json::value(text(model::to_text(*override.state))) : nullptr},
            {"weight", optional_number(override.weight)},
            {"by", override.by},
            {"at", time_text(override.at)},
            {"deadline", optional_time(override.deadline)},
            {"flows_cut", optional_number(override.flows_cut)}};
}

json::value overridden_json(const std::optional<Overridden>& overridden) {
    if (!overridden) return nullptr;
    auto object = said_json(overridden->override);
    object["configured"] = json::object{{"state", text(model::to_text(overridden->configured_state))},
                                        {"weight", overridden->configured_weight}};
    return object;
}

json::object interface_json(const engine::InterfaceState& state) {
    return {{"name", state.name}, {"mode", state.mode}, {"error", state.error}};
}

json::object reason_json(const engine::ReasonCount& count) {
    return {{"reason", count.reason}, {"verdict", count.verdict}, {"packets_total", count.packets_total}};
}

json::object claim_json(const engine::Claim& claim) {
    return {{"vip", claim.vip.text()},
            {"mac", claim.mac.text()},
            {"interface", claim.interface},
            {"last_at", time_text(claim.last_at)}};
}

json::object frontend_json(const model::Frontend& frontend, Tables& tables) {
    json::object object{{"service", frontend.service}};
    add_key(object, frontend.key);
    object["engine"] = text(model::to_text(frontend.engine));
    object["forward"] = text(model::to_text(frontend.forward.kind));
    object["forward_settings"] = forward_settings_json(frontend.forward);
    object["scheduler"] = text(model::scheduler_text(frontend.scheduler, frontend.ipvs));
    object["table_size"] = table_size_json(frontend.scheduler, frontend.ipvs);
    object["ipvs"] = ipvs_json(frontend.ipvs);
    object["proxy"] = proxy_json(frontend.proxy);
    object["sticky"] = sticky_json(frontend.sticky);
    object["quic"] = list(frontend.quic, quic_json);
    object["announce_arp"] = frontend.announce_arp;
    object["healthy"] = frontend.healthy;
    object["serving"] = text(model::to_text(frontend.serving));
    auto share_of = shares(tables.of(frontend));
    object["targets"] = list(frontend.targets, [&](const model::Target& target) {
        json::object row{{"address", target.backend.address.text()},
                         {"backend_port", port_json(frontend.key, target.backend)},
                         {"server_id", server_id_json(target.backend.server_id)}};
        for (auto& field : health_json(target)) row.insert(field);
        auto share = share_of.find(target.backend.address);
        row["share"] = share == share_of.end() ? 0.0 : share->second;
        return row;
    });
    return object;
}

json::object change_json(const FrontendChange& change) {
    json::object object{{"service", change.after.service}};
    add_key(object, change.after.key);
    object["healthy"] = change.after.healthy;
    object["scheduler_changed"] = change.scheduler_changed;
    object["share_moved"] = change.share_moved;
    object["targets"] = list(change.targets, [](const TargetChange& target) {
        auto side = [](const std::optional<model::Target>& of) {
            return of ? json::value(health_json(*of)) : json::value(nullptr);
        };
        return json::object{{"address", target.address.text()},
                            {"before", side(target.before)},
                            {"after", side(target.after)}};
    });
    return object;
}

}  // namespace

std::string time_text(SystemTime time) {
    auto since = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
    auto seconds = static_cast<std::time_t>(since / 1000);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                       parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, since % 1000);
}

json::object status_json(const StatusReport& report) {
    return {
        {"version", report.daemon.version},
        {"pid", report.daemon.pid},
        {"started_at", time_text(report.daemon.started_at)},
        {"config", report.daemon.config_path},
        {"engine", report.daemon.engine},
        {"problems", list(problems_of(report), [](const auto& line) { return json::string(line); })},
        {"plan",
         {{"number", report.applying.number},
          {"applied_at", optional_time(report.applying.applied_at)},
          {"apply_failures_total", report.applying.failures_total},
          {"error", report.applying.error}}},
        {"reload",
         {{"ok", report.reloads.last_error.empty()},
          {"at", optional_time(report.reloads.last_at)},
          {"error", report.reloads.last_error},
          {"accepted_total", report.reloads.accepted_total},
          {"refused_total", report.reloads.refused_total}}},
        {"overrides",
         {{"count", report.overrides.size()},
          {"saved", report.keeping.saved},
          {"save_failures_total", report.keeping.save_failures_total}}},
        {"interfaces", list(report.interfaces, interface_json)},
        {"flow_table",
         {{"capacity", report.flow_table.capacity},
          {"used", report.flow_table.used},
          {"full_total", report.flow_table.full_total},
          {"evicted_total", report.flow_table.evicted_total},
          {"nat_capacity", report.flow_table.nat_capacity},
          {"nat_used", report.flow_table.nat_used}}},
        {"not_forwarded", list(report.not_forwarded, reason_json)},
        {"claims", list(report.claims, claim_json)},
        {"services", services_json(report.services)},
    };
}

json::array services_json(const std::vector<ServiceRow>& services) {
    return list(services, [](const ServiceRow& service) {
        return json::object{{"name", service.name},
                            {"need", service.need},
                            {"healthy", service.healthy},
                            {"frontends", list(service.frontends, [](const FrontendRow& row) {
                                 json::object object;
                                 add_key(object, row.key);
                                 object["engine"] = text(model::to_text(row.engine));
                                 object["forward"] = text(model::to_text(row.forward));
                                 object["scheduler"] = row.scheduler;
                                 object["healthy"] = row.healthy;
                                 object["serving"] = text(model::to_text(row.serving));
                                 object["up"] = row.up;
                                 object["usable"] = row.usable;
                                 object["total"] = row.total;
                                 return object;
                             })}};
    });
}

json::array backends_json(const std::vector<BackendRow>& backends) {
    return list(backends, [](const BackendRow& row) {
        json::object object{{"service", row.service}};
        add_key(object, row.key.frontend);
        object["address"] = row.key.backend.text();
        object["backend_port"] = port_json(row.key.frontend, row.target.backend);
        for (auto& field : health_json(row.target)) object.insert(field);
        object["flows_active"] = row.traffic.flows_active;
        object["flows_total"] = row.traffic.flows_total;
        object["packets_total"] = row.traffic.packets_total;
        object["bytes_total"] = row.traffic.bytes_total;
        object["last_check"] = check_json(row.last_check);
        object["last_change"] = optional_time(row.last_change);
        object["override"] = overridden_json(row.overridden);
        return object;
    });
}

json::object override_json(const OverrideRow& row) {
    json::object object{{"backend", row.key.backend.text()},
                        {"service", row.key.service.empty() ? nullptr : json::value(row.key.service)}};
    for (auto& field : said_json(row.override)) object.insert(field);
    object["used"] = row.use.used;
    object["flows_active"] = row.use.flows_active;
    object["drained"] = row.drained ? json::value(*row.drained) : json::value(nullptr);
    return object;
}

json::array overrides_json(const std::vector<OverrideRow>& overrides) {
    return list(overrides, override_json);
}

json::object plan_json(const model::Plan& plan, std::optional<uint64_t> number) {
    json::object object;
    if (number) object["number"] = *number;
    object["interfaces"] = interfaces_json(plan.interfaces);
    object["vlans"] = vlans_json(plan.vlans);
    object["flows"] = flows_json(plan.flows);
    object["icmp"] = icmp_json(plan.icmp);
    object["unmatched"] = plan.unmatched == model::Unmatched::drop ? "drop" : "pass";
    object["watchdog_seconds"] = plan.watchdog.count();
    object["ipvs_sync"] = ipvs_sync_json(plan.ipvs_sync);
    object["ipvs_timeouts"] = ipvs_timeouts_json(plan.ipvs_timeouts);
    object["proxy"] = proxy_engine_json(plan.proxy);
    Tables tables;
    object["frontends"] =
        list(plan.frontends, [&](const auto& frontend) { return frontend_json(frontend, tables); });
    return object;
}

json::object difference_json(const Difference& difference) {
    Tables tables;
    auto frontend = [&](const model::Frontend& each) { return frontend_json(each, tables); };
    return {{"changes", !difference.empty()},
            {"settings", list(difference.settings, [](const auto& name) { return json::string(name); })},
            {"frontends_added", list(difference.added, frontend)},
            {"frontends_removed", list(difference.removed, frontend)},
            {"frontends_changed", list(difference.changed, change_json)}};
}

json::object event_json(const Event& event) {
    json::object object{{"id", event.id}, {"at", time_text(event.at)}, {"kind", text(to_text(event.kind))}};
    object["service"] = event.service.empty() ? nullptr : json::value(event.service);
    object["backend"] = event.backend ? json::value(event.backend->text()) : nullptr;
    object["peer"] = event.peer ? json::value(event.peer->text()) : nullptr;
    for (auto name : {"vip", "port", "protocol"}) object[name] = nullptr;
    if (event.frontend) add_key(object, *event.frontend);
    object["message"] = event.message;
    return object;
}

json::object trace_json(const engine::Flow& flow, const engine::Verdict& verdict) {
    json::object object{{"source", flow.source.text()}};
    add_key(object, flow.frontend);
    object["action"] = verdict.action;
    object["backend"] = verdict.backend ? json::value(text(verdict.backend->text())) : json::value(nullptr);
    object["reason"] = verdict.reason;
    return object;
}

json::array mistakes_json(const std::vector<config::Mistake>& mistakes) {
    return list(mistakes, [](const config::Mistake& mistake) {
        return json::object{{"line", mistake.line}, {"column", mistake.column}, {"message", mistake.message}};
    });
}

}  // namespace weir::control
