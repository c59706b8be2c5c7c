#include <algorithm>

#include "config/sections.h"

namespace weir::config {
namespace {

constexpr uint64_t kMaxTargets = (1 << 18) - 1;  // the datapath numbers targets in 18 bits, 0 is none

const PoolDraft* pool_of(const ServiceDraft& service, const Draft& draft) {
    auto found = draft.pools.find(service.pool.value);
    return found == draft.pools.end() ? nullptr : &found->second;
}

void check_pool_exists(const ServiceDraft& service, const Draft& draft, Mistakes& mistakes) {
    if (service.pool.at == Place{} || pool_of(service, draft)) return;
    std::vector<std::string_view> known;
    for (const auto& [name, pool] : draft.pools) known.push_back(name);
    mistakes.add(service.pool.at, "there is no pool '{}'; {}", service.pool.value,
                 suggest(service.pool.value, known, "add it to pools: or name one of those"));
}

void check_against_pool(const ServiceDraft& service, const PoolDraft& pool, Mistakes& mistakes) {
    auto backends = pool.backends.size();
    if (service.need.value > backends)
        mistakes.add(service.need.at, "service '{}' needs {} backends but pool '{}' has {}; write {} at most",
                     service.name, service.need.value, service.pool.value, backends, backends);
    if (service.scheduler.value.table_size < backends)
        mistakes.add(
            service.scheduler.at,
            "a table of {} entries is too small for the {} backends of pool '{}'; write a prime of 100 times "
            "their number",
            service.scheduler.value.table_size, backends, service.pool.value);
}

/// False when there are more than an engine can hold, or than is worth looking at one by one.
bool check_sums(const Draft& draft, Mistakes& mistakes) {
    uint64_t targets = 0;
    for (const auto& service : draft.services) {
        const PoolDraft* pool = pool_of(service, draft);
        uint64_t frontends = service.vips.size() * service.ports.size();
        targets += frontends * std::max<uint64_t>(pool ? pool->backends.size() : 0, 1);
        if (targets <= kMaxTargets) continue;
        mistakes.add(
            service.at,
            "with service '{}' there are more than {} targets (VIPs × ports × backends, summed); write fewer",
            service.name, kMaxTargets);
        return false;
    }
    return true;
}

}  // namespace

void cross_check(const Draft& draft, Mistakes& mistakes) {
    for (const auto& service : draft.services) {
        check_pool_exists(service, draft, mistakes);
        const PoolDraft* pool = pool_of(service, draft);
        if (pool && pool->whole) check_against_pool(service, *pool, mistakes);
    }
    if (check_sums(draft, mistakes)) {
        check_overlaps(draft, mistakes);
        for (const auto& service : draft.services) check_methods(service, pool_of(service, draft), mistakes);
    }
    if (!draft.services.empty() && draft.config.interfaces.empty() && draft.interfaces_whole)
        mistakes.add(draft.services.front().at,
                     "service '{}' has no interface to take packets from; add 'interfaces: [NAME]'",
                     draft.services.front().name);
}

model::Config finish(Draft draft) {
    auto config = std::move(draft.config);
    for (auto& [name, pool] : draft.pools) {
        auto& backends = config.pools[name].backends;
        for (auto& backend : pool.backends) backends.push_back(backend.value);
    }
    for (auto& from : draft.services) {
        auto& service = config.services[from.name];
        for (const auto& vip : from.vips) service.vips.push_back(vip.value);
        for (const auto& port : from.ports) service.ports.push_back(port.value);
        service.pool = std::move(from.pool.value);
        service.forward = from.forward.value;
        service.scheduler = from.scheduler.value;
        service.sticky = from.sticky;
        for (const auto& each : from.quic) service.quic.push_back(each.value);
        service.announce_arp = from.announce_arp.value;
        service.need = from.need.value;
        for (auto& check : from.checks) service.checks.push_back(std::move(check.value));
    }
    return config;
}

}  // namespace weir::config
