#include "control/caps.h"

#include <algorithm>

namespace weir::control {

bool is_full(bool was_full, double flows, uint32_t cap) {
    if (cap == 0) return false;
    return flows >= (was_full ? 0.9 * cap : 1.0 * cap);
}

bool Caps::any(const model::Config& config) {
    return std::ranges::any_of(config.pools, [](const auto& pool) {
        return std::ranges::any_of(pool.second.backends,
                                   [](const auto& backend) { return backend.max_connections > 0; });
    });
}

void Caps::look(const model::Config& config, const Loads& flows) {
    std::map<std::pair<std::string, net::Ip>, double> sums;
    auto add = [&](const std::string& pool, const model::FrontendKey& frontend) {
        for (const auto& backend : config.pools.at(pool).backends) {
            if (backend.max_connections == 0) continue;
            auto found = flows.find({frontend, backend.address});
            sums[{pool, backend.address}] += found == flows.end() ? 0 : found->second;
        }
    };
    for (const auto& [name, service] : config.services)
        for (const auto& frontend : model::frontends_of(service))
            for (const auto& pool : model::pools_of(service)) add(pool, frontend);
    auto former = std::exchange(full_, {});
    for (const auto& [name, pool] : config.pools)
        for (const auto& backend : pool.backends) {
            auto sum = sums.find({name, backend.address});
            if (sum != sums.end() &&
                is_full(former.contains(sum->first), sum->second, backend.max_connections))
                full_.insert(sum->first);
        }
}

}  // namespace weir::control
