#include "control/pools.h"

#include <algorithm>
#include <utility>

#include "control/json.h"
#include "control/json_parts.h"

namespace weir::control {
namespace {

namespace json = boost::json;

/// A backend in a service.
using Member = std::pair<std::string, net::Ip>;

std::vector<PoolUse> uses_of(const std::string& pool, const model::Config& config) {
    std::vector<PoolUse> uses;
    for (const auto& [name, service] : config.services) {
        if (service.pool == pool) uses.push_back({name, 0});
        auto backup = std::ranges::find(service.backup, pool);
        if (backup != service.backup.end())
            uses.push_back({name, static_cast<model::Tier>(backup - service.backup.begin() + 1)});
        if (service.fallback == pool) uses.push_back({name, model::kFallbackTier});
    }
    return uses;
}

/// The pool's tiers in the service.
model::PoolTiers tiers_in(const std::string& service, const std::string& pool, const model::Config& config) {
    auto tiers = model::tiers_of(config, config.services.at(service));
    return *std::ranges::find(tiers, pool, &model::PoolTiers::pool);
}

void add(PoolBackend& to, const BackendRow& row) {
    ++to.targets;
    to.up += row.target.health.up;
    to.taking += row.target.accepts == model::Accepts::all;
    to.flows_active += row.traffic.flows_active;
}

const char* role_of(const PoolUse& use) {
    if (use.tier == model::kFallbackTier) return "fallback";
    return use.tier == 0 ? "pool" : "backup";
}

json::object backend_json(const PoolBackend& backend) {
    const auto& configured = backend.configured;
    return {{"address", configured.address.text()},
            {"port", configured.port ? json::value(configured.port->value()) : nullptr},
            {"weight", configured.weight},
            {"state", text(model::to_text(configured.state))},
            {"max_connections", configured.max_connections},
            {"priority", configured.priority},
            {"server_id", server_id_json(configured.server_id)},
            {"targets", backend.targets},
            {"up", backend.up},
            {"taking", backend.taking},
            {"flows_active", backend.flows_active},
            {"overrides", overrides_json(backend.overrides)}};
}

json::object source_json(const SourceRow& source) {
    auto words = [](const std::string& each) { return json::value(text(each)); };
    auto time = [](const std::optional<SystemTime>& at) { return or_null(at ? time_text(*at) : ""); };
    return {{"kind", text(source.kind)},
            {"state", text(to_text(source.state))},
            {"members", source.members},
            {"error", or_null(source.error)},
            {"held_back", or_null(source.held_back)},
            {"refused", list(source.refused, words)},
            {"left_out", list(source.left_out, words)},
            {"duplicates", source.duplicates},
            {"damped", source.damped},
            {"answered_at", time(source.answered_at)},
            {"changed_at", time(source.changed_at)},
            {"sets_total", source.sets_total},
            {"failures_total", source.failures_total}};
}

}  // namespace

std::vector<PoolRow> pool_rows(const model::Config& config, const StatusReport& report) {
    std::multimap<Member, const BackendRow*> rows;
    for (const auto& row : report.backends) rows.emplace(Member(row.service, row.key.backend), &row);
    std::multimap<net::Ip, const OverrideRow*> overrides;
    for (const auto& row : report.overrides) overrides.emplace(row.key.backend, &row);
    std::vector<PoolRow> pools;
    for (const auto& [name, pool] : config.pools) {
        auto& made = pools.emplace_back(PoolRow{name, uses_of(name, config), {}, {}});
        std::ranges::copy_if(report.sources, std::back_inserter(made.sources),
                             [&](const SourceRow& source) { return source.pool == name; });
        std::vector<model::PoolTiers> tiers;
        tiers.reserve(made.used_by.size());
        for (const auto& use : made.used_by) tiers.push_back(tiers_in(use.service, name, config));
        for (const auto& backend : pool.backends) {
            auto& into = made.backends.emplace_back(PoolBackend{backend});
            for (size_t i = 0; i < tiers.size(); ++i) {
                auto [first, last] = rows.equal_range(Member(made.used_by[i].service, backend.address));
                for (; first != last; ++first)
                    if (auto tier = first->second->target.tier;
                        tiers[i].first <= tier && tier <= tiers[i].last())
                        add(into, *first->second);
            }
            auto [first, last] = overrides.equal_range(backend.address);
            for (; first != last; ++first) into.overrides.push_back(*first->second);
        }
    }
    return pools;
}

json::array pools_json(const std::vector<PoolRow>& pools) {
    return list(pools, [](const PoolRow& pool) {
        return json::object{{"name", pool.name},
                            {"used_by", list(pool.used_by,
                                             [](const PoolUse& use) {
                                                 return json::object{{"service", use.service},
                                                                     {"as", role_of(use)}};
                                             })},
                            {"sources", list(pool.sources, source_json)},
                            {"backends", list(pool.backends, backend_json)}};
    });
}

}  // namespace weir::control
