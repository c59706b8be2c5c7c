#include <algorithm>

#include "config/sections.h"

namespace weir::config {
namespace {

constexpr uint64_t kMaxTargets = (1 << 18) - 1;  // the datapath numbers targets in 18 bits, 0 is none

/// False when there are more than an engine can hold, or than is worth looking at one by one.
bool check_sums(const Draft& draft, Mistakes& mistakes) {
    uint64_t targets = 0;
    for (const auto& service : draft.services) {
        uint64_t frontends = service.mark ? 1 : service.vips.size() * service.ports.size(), backends = 0;
        for (const auto* pool : pools_of(service, draft)) backends += pool->backends.size();
        targets += frontends * std::max<uint64_t>(backends, 1);
        if (targets <= kMaxTargets) continue;
        mistakes.add(
            service.at,
            "with service '{}' there are more than {} targets (VIPs × ports × backends, summed); write fewer",
            service.name, kMaxTargets);
        return false;
    }
    return true;
}

/// A VIP is one route, and has one set of attributes.
void check_bgp(const Draft& draft, Mistakes& mistakes) {
    std::map<net::Prefix, const ServiceDraft*> first;
    for (const auto& service : draft.services) {
        if (!service.bgp.value || *service.bgp.value == model::BgpAttributes{}) continue;
        for (const auto& vip : service.vips) {
            auto [known, is_new] = first.emplace(vip.value, &service);
            if (!is_new && known->second->bgp.value != service.bgp.value)
                mistakes.add(
                    service.bgp.at,
                    "services '{}' and '{}' give {} other BGP attributes; write them at one of the two",
                    known->second->name, service.name, vip.value.text());
        }
    }
}

}  // namespace

void cross_check(const Draft& draft, Mistakes& mistakes) {
    for (const auto& service : draft.services) check_pools(service, draft, mistakes);
    check_bgp(draft, mistakes);
    if (check_sums(draft, mistakes)) {
        check_overlaps(draft, mistakes);
        check_engines(draft, mistakes);
        for (const auto& service : draft.services) {
            check_methods(service, draft, mistakes);
            check_engine(service, draft, mistakes);
        }
    }
    auto needy = std::ranges::find(draft.services, model::EngineKind::xdp, &ServiceDraft::engine);
    if (needy != draft.services.end() && draft.config.interfaces.empty() && draft.interfaces_whole)
        mistakes.add(needy->at,
                     "service '{}' has no interface to take packets from; add 'interfaces: [NAME]'",
                     needy->name);
}

model::Config finish(Draft draft) {
    auto config = std::move(draft.config);
    for (auto& [name, pool] : draft.pools) {
        auto& made = config.pools[name];
        for (auto& backend : pool.backends) made.backends.push_back(backend.value);
        made.sources = std::move(pool.sources);
        made.minimum = pool.minimum;
        made.damping = pool.damping;
    }
    for (auto& from : draft.services) {
        auto& service = config.services[from.name];
        for (const auto& vip : from.vips) service.vips.push_back(vip.value);
        for (const auto& port : from.ports) service.ports.push_back(port.value);
        if (from.mark) service.mark = from.mark->value;
        service.pool = std::move(from.pool.value);
        for (auto& pool : from.backup) service.backup.push_back(std::move(pool.value));
        service.fallback = std::move(from.fallback.value);
        service.overflow = from.overflow.value;
        service.fail_open = from.fail_open.value;
        service.engine = from.engine;
        service.forward = from.forward.value;
        service.scheduler = from.scheduler.value;
        if (from.engine == model::EngineKind::ipvs) service.ipvs = std::move(from.ipvs.value);
        if (from.engine == model::EngineKind::proxy) service.proxy = from.proxy.value;
        service.slow_start = from.slow_start;
        service.sticky = from.sticky.value;
        for (const auto& each : from.quic) service.quic.push_back(each.value);
        service.announce_arp = from.announce_arp.value;
        if (!from.mark)
            service.bgp = from.bgp.value;
        else
            service.bgp.reset();
        service.need = from.need.value;
        for (auto& check : from.checks) service.checks.push_back(std::move(check.value));
    }
    return config;
}

}  // namespace weir::config
