#include "control/fitting.h"

#include <algorithm>

namespace weir::control {
namespace {

/// Whether its packets get to backends of another family than its own.
bool crosses_families(const model::Service& service, bool has_ipvs_sync) {
    switch (service.engine) {
        case model::EngineKind::xdp:
            return !model::knows_transport(service.forward.kind);
        case model::EngineKind::ipvs:
            return model::is_tunnel(service.forward.kind) && !has_ipvs_sync;
        case model::EngineKind::proxy:
            return !service.proxy || !service.proxy->transparent;
    }
    return false;
}

/// What of the service cannot be brought to a backend of this family; "" where all can.
std::string refusal_of(const std::string& name, const model::Service& service, net::Family family,
                       bool has_ipvs_sync) {
    const auto& forward = service.forward;
    auto is_other = [family](const net::Prefix& prefix) { return prefix.address.family() != family; };
    const bool crosses = crosses_families(service, has_ipvs_sync);
    if (!crosses && service.mark && service.mark->family != family)
        return fmt::format("it is of another family than the mark of service '{}'", name);
    auto other = std::ranges::find_if(service.vips, is_other);
    if (!crosses && other != service.vips.end())
        return fmt::format(
            "it is of another family than the VIP {} of service '{}', which '{}' cannot cross", other->text(),
            name, service.proxy ? "transparent" : fmt::format("forward: {}", model::to_text(forward.kind)));
    if (model::is_tunnel(forward.kind) && !forward.sources.empty() &&
        std::ranges::all_of(forward.sources, is_other))
        return fmt::format("service '{}' has no tunnel 'source' of its family", name);
    return "";
}

}  // namespace

Fitting::Fitting(const model::Config& config) : has_ipvs_sync_(config.ipvs_sync.has_value()) {
    for (const auto& service : config.services) {
        const auto& [name, settings] = service;
        for (const auto& vip : settings.vips) vips_.add(vip, name);
        if (settings.forward.kind == model::ForwardKind::nat)
            for (const auto& source : settings.forward.sources) sources_.add(source, name);
        for (const auto& pool : model::pools_of(settings)) users_[pool].push_back(&service);
    }
}

std::string Fitting::refusal(const std::string& pool, const net::Ip& address, size_t place) const {
    if (const auto* vip = vips_.overlapping(net::only(address)))
        return fmt::format("it is in the VIP {} of service '{}'", vip->first.text(), vip->second);
    if (const auto* source = sources_.overlapping(net::only(address)))
        return fmt::format("it is in {}, which stands for clients in service '{}'", source->first.text(),
                           source->second);
    auto users = users_.find(pool);
    if (users == users_.end()) return "";
    for (const auto* user : users->second) {
        const auto& [name, service] = *user;
        if (place >= service.scheduler.table_size)
            return fmt::format(
                "the table of service '{}' has {} entries, no more than the backends before it", name,
                service.scheduler.table_size);
        if (auto why = refusal_of(name, service, address.family(), has_ipvs_sync_); !why.empty()) return why;
    }
    return "";
}

bool Fitting::uses_ports(const std::string& pool) const {
    auto users = users_.find(pool);
    return users != users_.end() && std::ranges::any_of(users->second, [](const auto* user) {
               return model::knows_backend_ports(user->second.forward.kind);
           });
}

}  // namespace weir::control
