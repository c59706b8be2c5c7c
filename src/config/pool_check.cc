#include <algorithm>
#include <map>

#include "config/sections.h"
#include "model/tiers.h"

namespace weir::config {
namespace {

/// The names of a service's pools by priority, the fallback last, with what names them.
std::vector<std::pair<std::string_view, const Placed<std::string>*>> names_of(const ServiceDraft& service) {
    std::vector<std::pair<std::string_view, const Placed<std::string>*>> names{{"pool", &service.pool}};
    for (const auto& name : service.backup) names.emplace_back("backup", &name);
    if (service.fallback.at != Place{}) names.emplace_back("fallback", &service.fallback);
    return names;
}

void check_name(const Placed<std::string>& name, const Draft& draft, Mistakes& mistakes) {
    if (name.at == Place{} || draft.pool(name.value)) return;
    std::vector<std::string_view> known;
    known.reserve(draft.pools.size());
    for (const auto& [other, pool] : draft.pools) known.push_back(other);
    mistakes.add(name.at, "there is no pool '{}'; {}", name.value,
                 suggest(name.value, known, "add it to pools: or name one of those"));
}

void check_names(const ServiceDraft& service, const Draft& draft, Mistakes& mistakes) {
    std::map<std::string_view, std::string_view> seen;  // name: what names it
    for (const auto& [setting, name] : names_of(service)) {
        check_name(*name, draft, mistakes);
        auto [before, is_new] = seen.emplace(name->value, setting);
        if (!is_new)
            mistakes.add(name->at, "pool '{}' is {} and {} of service '{}'; keep one of the two", name->value,
                         before->second, setting, service.name);
    }
    if (service.backup.size() > model::kMostBackups)
        mistakes.add(service.backup[model::kMostBackups].at,
                     "service '{}' has {} backup pools; write {} at most", service.name,
                     service.backup.size(), model::kMostBackups);
}

/// Of an address in two pools nobody could say which of them its flows are of.
void check_addresses(const ServiceDraft& service, const Draft& draft, Mistakes& mistakes) {
    std::map<net::Ip, const PoolDraft*> seen;
    std::map<std::vector<uint8_t>, const PoolDraft*> ids;
    for (const auto* pool : pools_of(service, draft))
        for (const auto& backend : pool->backends) {
            auto other = seen.emplace(backend.value.address, pool).first->second;
            if (other != pool)
                mistakes.add(
                    backend.at,
                    "backend {} is in pool '{}' and in pool '{}', both of service '{}'; let it be in "
                    "one of them",
                    backend.value.address.text(), other->name, pool->name, service.name);
            if (backend.value.server_id.empty()) continue;
            auto same_id = ids.emplace(backend.value.server_id, pool).first->second;
            if (same_id != pool)
                mistakes.add(backend.server_id_at,
                             "a backend of pool '{}', which service '{}' has too, has this server id; give "
                             "each its own",
                             same_id->name, service.name);
        }
}

/// Settings that do nothing without others.
void check_sense(const ServiceDraft& service, Mistakes& mistakes) {
    if (service.overflow.at != Place{} && service.backup.empty())
        mistakes.add(service.overflow.at,
                     "service '{}' has 'overflow' but no 'backup' to flow over to; add one or leave it out",
                     service.name);
    if (service.fail_open.value && service.checks.empty())
        mistakes.add(service.fail_open.at,
                     "service '{}' has 'fail_open' but no 'checks', so none of its backends is ever down by "
                     "one; add some or leave it out",
                     service.name);
}

void check_table(const ServiceDraft& service, size_t backends, std::string_view of, Mistakes& mistakes) {
    if (service.scheduler.value.table_size >= backends) return;
    mistakes.add(service.scheduler.at,
                 "a table of {} entries is too small for the {} backends of {}; write a prime of 100 times "
                 "their number",
                 service.scheduler.value.table_size, backends, of);
}

void check_counts(const ServiceDraft& service, const Draft& draft, Mistakes& mistakes) {
    size_t backends = 0;
    std::string names;
    for (const auto& [setting, name] : names_of(service)) {
        const auto* pool = draft.pool(name->value);
        if (!pool || !pool->is_complete()) return;
        if (setting == "fallback") {
            check_table(service, pool->backends.size(), fmt::format("pool '{}'", pool->name), mistakes);
            continue;
        }
        backends += pool->backends.size();
        names += fmt::format("{}'{}'", names.empty() ? "" : " and ", pool->name);
    }
    bool several = !service.backup.empty();
    auto of = fmt::format("{} {}", several ? "pools" : "pool", names);
    if (service.need.value > backends)
        mistakes.add(service.need.at, "service '{}' needs {} backends but {} {} {}; write {} at most",
                     service.name, service.need.value, of, several ? "have" : "has", backends, backends);
    check_table(service, backends, of, mistakes);
}

}  // namespace

const PoolDraft* Draft::pool(const std::string& name) const {
    auto found = pools.find(name);
    return found == pools.end() ? nullptr : &found->second;
}

std::vector<const PoolDraft*> pools_of(const ServiceDraft& service, const Draft& draft) {
    std::vector<const PoolDraft*> pools;
    for (const auto& [setting, name] : names_of(service))
        if (const auto* pool = draft.pool(name->value); pool && std::ranges::find(pools, pool) == pools.end())
            pools.push_back(pool);
    return pools;
}

void check_pools(const ServiceDraft& service, const Draft& draft, Mistakes& mistakes) {
    check_names(service, draft, mistakes);
    check_addresses(service, draft, mistakes);
    check_counts(service, draft, mistakes);
    check_sense(service, mistakes);
}

}  // namespace weir::config
