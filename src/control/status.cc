#include "control/status.h"

#include <algorithm>
#include <set>

#include "control/json.h"

namespace weir::control {
namespace {

template <class Map>
auto find_or(const Map& map, const typename Map::key_type& key) -> typename Map::mapped_type {
    auto found = map.find(key);
    return found == map.end() ? typename Map::mapped_type{} : found->second;
}

}  // namespace

std::string engines_of(const model::Config& config) {
    std::set<model::EngineKind> kinds;
    for (const auto& [name, service] : config.services) kinds.insert(service.engine);
    if (kinds.empty()) kinds.insert(model::EngineKind::xdp);
    std::string text;
    for (auto kind : kinds) text += fmt::format("{}{}", text.empty() ? "" : ", ", model::to_text(kind));
    return text;
}

std::vector<ServiceRow> service_rows(const model::Config& config, const model::Plan& plan) {
    std::map<std::string, ServiceRow> rows;
    for (const auto& [name, service] : config.services) rows[name] = {name, service.need, true, {}};
    for (const auto& frontend : plan.frontends) {
        auto& row = rows[frontend.service];
        FrontendRow counted{frontend.key, frontend.forward.kind, frontend.engine,
                            std::string(model::scheduler_text(frontend.scheduler, frontend.ipvs)),
                            frontend.healthy};
        for (const auto& target : frontend.targets) {
            if (target.tier == model::kFallbackTier) continue;
            counted.up += target.health.up;
            counted.usable += target.usable && target.health.up;
            counted.total++;
        }
        counted.serving = frontend.serving;
        counted.overflowing = frontend.overflowing;
        row.healthy = row.healthy && frontend.healthy;
        row.frontends.push_back(counted);
    }
    std::vector<ServiceRow> services;
    services.reserve(rows.size());
    for (auto& [name, row] : rows) services.push_back(std::move(row));
    return services;
}

std::vector<BackendRow> backend_rows(const model::Plan& plan,
                                     const std::map<model::TargetKey, engine::Traffic>& traffic,
                                     const std::map<model::TargetKey, health::Checked>& checked) {
    std::vector<BackendRow> rows;
    for (const auto& frontend : plan.frontends)
        for (const auto& target : frontend.targets) {
            model::TargetKey key{frontend.key, target.backend.address};
            auto& row = rows.emplace_back(frontend.service, key, target, find_or(traffic, key));
            auto found = checked.find(key);
            if (found == checked.end()) continue;
            row.last_check = found->second.last_outcome;
            row.last_change = found->second.changed_at;
        }
    return rows;
}

double effective_weight(const model::Target& target) {
    if (target.accepts != model::Accepts::all) return 0;
    return static_cast<double>(target.backend.weight) * target.fraction / model::kWhole;
}

void mark_overridden(std::vector<BackendRow>& rows, const model::Config& config,
                     const model::Overrides& overrides) {
    if (overrides.empty()) return;
    for (auto& row : rows) {
        auto found = model::ServiceOverrides(overrides, row.service).of(row.key.backend);
        if (!found) continue;
        for (const auto& [tier, configured] : model::members_of(config, config.services.at(row.service)))
            if (configured->address == row.key.backend)
                row.overridden = Overridden{*found, configured->state, configured->weight};
    }
}

std::vector<OverrideRow> override_rows(const model::Overrides& overrides, const Drains& drains,
                                       const model::Plan& plan, const engine::Observation& seen) {
    auto uses = uses_of(overrides, plan, seen);
    std::vector<OverrideRow> rows;
    bool counted = seen.flow_table.counts_total > 0;
    for (const auto& [key, override] : overrides) {
        OverrideRow row{key, override, uses.at(key)};
        if (override.state == model::AdminState::draining && counted)
            row.drained = drains.drained(key, override);
        rows.push_back(std::move(row));
    }
    return rows;
}

namespace {

/// Somebody else than the service's pool takes new flows.
void add_stand_ins(std::vector<std::string>& problems, const ServiceRow& service) {
    for (const auto& frontend : service.frontends) {
        auto add = [&](std::string_view what) {
            problems.push_back(fmt::format("service {} at {} {}", service.name, frontend.key.text(), what));
        };
        if (frontend.serving == model::Serving::fallback) add("is on its fallback pool");
        if (frontend.serving == model::Serving::fail_open)
            add("fails open: all its backends are down, and used as if they were up");
        if (frontend.serving == model::Serving::backup)
            add(fmt::format("has {:.0f} % of its new flows on backup pools",
                            100.0 * frontend.overflowing / model::kWhole));
    }
}

/// One line for each, whatever many backends show it.
void add_certificates(std::vector<std::string>& problems, const std::vector<BackendRow>& backends) {
    std::map<std::string, std::pair<const BackendRow*, size_t>> shown;
    for (const auto& row : backends) {
        if (!row.last_check || row.last_check->expiring.empty()) continue;
        auto& [first, count] = shown[row.last_check->expiring];
        if (count++ == 0) first = &row;
    }
    for (const auto& [certificate, by] : shown)
        problems.push_back(fmt::format("{}; backend {} of {} ({}) shows it{}", certificate,
                                       by.first->key.backend.text(), by.first->service,
                                       by.first->key.frontend.text(),
                                       by.second > 1 ? fmt::format(", and {} more", by.second - 1) : ""));
}

void add_alerts(std::vector<std::string>& problems, const std::vector<AlertRow>& alerts) {
    for (const auto& alert : alerts)
        if (alert.failing_since)
            problems.push_back(fmt::format("alert {}: cannot be delivered since {}: {}; {} wait", alert.name,
                                           time_text(*alert.failing_since), alert.error, alert.waiting));
}

void add_sources(std::vector<std::string>& problems, const StatusReport& report) {
    if (!report.not_supplied.empty()) problems.push_back(report.not_supplied);
    for (const auto& source : report.sources) {
        auto add = [&](std::string_view what, const std::string& why) {
            problems.push_back(
                fmt::format("pool {}: the {} source {}: {}", source.pool, source.kind, what, why));
        };
        if (source.state == SourceState::failing) add("fails", source.error);
        if (!source.held_back.empty()) add("is not followed", source.held_back);
        if (!source.refused.empty()) add("has what is no backend", source.refused.front());
        if (!source.left_out.empty())
            add(fmt::format("has {} backends that are not used", source.left_out.size()),
                source.left_out.front());
    }
}

void add_peers(std::vector<std::string>& problems, const announce::BgpReport& bgp) {
    for (const auto& peer : bgp.peers) {
        if (peer.state == "established") continue;
        auto why = peer.last_error.empty() ? "" : ": " + peer.last_error;
        problems.push_back(
            fmt::format("BGP peer {} has no session ({}){}", peer.settings.address.text(), peer.state, why));
    }
}

void add_sharing(std::vector<std::string>& problems, const sync::Report& sync) {
    if (!sync.error.empty()) problems.push_back("flows are not shared: " + sync.error);
    for (const auto& peer : sync.peers)
        if (!peer.fault.empty() && peer.state != sync::PeerState::left)
            problems.push_back(fmt::format("sync peer {}: {}", peer.endpoint.text(), peer.fault));
}

}  // namespace

std::vector<std::string> problems_of(const StatusReport& report) {
    std::vector<std::string> problems;
    if (!report.applying.error.empty())
        problems.push_back("the wanted plan is not in force: " + report.applying.error);
    if (!report.reloads.last_error.empty())
        problems.push_back("the last reload was refused: " + report.reloads.last_error);
    if (!report.not_followed.empty()) problems.push_back(report.not_followed);
    if (!report.keeping.problem.empty()) problems.push_back(report.keeping.problem);
    add_sources(problems, report);
    add_alerts(problems, report.alerts);
    if (auto checks = report.not_probed.checks; checks > 0)
        problems.push_back(fmt::format("{} check{} cannot be made, and what {} of stays as it was: {}",
                                       checks, checks > 1 ? "s" : "", checks > 1 ? "they are" : "it is",
                                       report.not_probed.why));
    for (const auto& interface : report.interfaces)
        if (!interface.error.empty())
            problems.push_back(fmt::format("interface {}: {}", interface.name, interface.error));
    add_peers(problems, report.bgp);
    add_sharing(problems, report.sync);
    for (const auto& claim : report.claims)
        problems.push_back(fmt::format("{} is also claimed by {} on {}", claim.vip.text(), claim.mac.text(),
                                       claim.interface));
    for (const auto& service : report.services)
        for (const auto& frontend : service.frontends)
            if (!frontend.healthy)
                problems.push_back(fmt::format(
                    "service {} at {} is down: {} of {} backends take new flows, {} needed", service.name,
                    frontend.key.text(), frontend.usable, frontend.total, service.need));
    for (const auto& service : report.services) add_stand_ins(problems, service);
    for (const auto& row : report.backends)
        if (!row.target.health.up && row.target.backend.state != model::AdminState::disabled)
            problems.push_back(fmt::format("backend {} of {} ({}) is down: {}", row.key.backend.text(),
                                           row.service, row.key.frontend.text(), row.target.health.reason));
    add_certificates(problems, report.backends);
    return problems;
}

}  // namespace weir::control
