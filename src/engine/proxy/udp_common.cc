#include "engine/proxy/udp_common.h"

#include <algorithm>
#include <utility>

namespace weir::engine::proxy {
namespace {

/// One more, if that is no more than `most`.
bool take_one(std::atomic<uint64_t>& counter, uint64_t most) {
    if (counter.fetch_add(1, std::memory_order_relaxed) < most) return true;
    counter.fetch_sub(1, std::memory_order_relaxed);
    return false;
}

uint64_t most_sessions(const model::Proxy& settings) {
    const uint64_t sessions = settings.udp_sessions;
    return settings.max_connections == 0 ? sessions : std::min<uint64_t>(sessions, settings.max_connections);
}

}  // namespace

std::expected<UdpAdmission, Reason> UdpAdmission::take(Shared& shared, const Route& route) {
    if (!take_one(shared.connections, shared.max_connections.load(std::memory_order_relaxed)))
        return std::unexpected(Reason::engine_full);
    if (!take_one(route.budget->connections, most_sessions(route.settings))) {
        shared.connections.fetch_sub(1, std::memory_order_relaxed);
        return std::unexpected(Reason::service_full);
    }
    return UdpAdmission(shared, route.budget);
}

void UdpAdmission::give_back() {
    const auto budget = std::exchange(budget_, nullptr);
    if (!budget) return;
    budget->connections.fetch_sub(1, std::memory_order_relaxed);
    shared_->connections.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace weir::engine::proxy
