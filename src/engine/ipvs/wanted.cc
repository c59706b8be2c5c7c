#include "engine/ipvs/wanted.h"

#include <linux/ip_vs.h>
#include <netinet/in.h>

#include <algorithm>

namespace weir::engine::ipvs {
namespace {

using model::Accepts, model::ForwardKind, model::kWhole;

constexpr uint16_t kGuePort = 6080;
constexpr uint64_t kHundredths = 100;
constexpr uint64_t kLargestWeight = 65535;  // of ipvsadm's, so that it can show and restore them

struct Word {
    std::string_view word;
    uint32_t flag;
};
constexpr Word kWords[] = {
    {"flag-1", IP_VS_SVC_F_SCHED1},      {"flag-2", IP_VS_SVC_F_SCHED2},  {"flag-3", IP_VS_SVC_F_SCHED3},
    {"sh-fallback", IP_VS_SVC_F_SCHED1}, {"sh-port", IP_VS_SVC_F_SCHED2}, {"mh-fallback", IP_VS_SVC_F_SCHED1},
    {"mh-port", IP_VS_SVC_F_SCHED2},
};

Result<Service> service_of(const model::Frontend& frontend) {
    const auto ipvs = frontend.ipvs.value_or(model::Ipvs());
    auto flags = scheduler_flags(ipvs.scheduler_flags);
    if (!flags) return propagate(flags);
    Service service{ipvs.scheduler, *flags, static_cast<uint32_t>(ipvs.persistence.count()),
                    frontend.key.vip.is_v4() ? ipvs.netmask_v4 : ipvs.netmask_v6};
    if (service.persistence > 0) service.flags |= kPersistent;
    if (ipvs.one_packet) service.flags |= kOnePacket;
    return service;
}

Result<Destination> method_of(const model::Forward& forward, const net::Ip& backend) {
    switch (forward.kind) {
        case ForwardKind::nat:
            if (!forward.sources.empty()) return fail("IPVS keeps the client's address: leave out `source`");
            return Destination{Method::nat};
        case ForwardKind::dsr:
            return Destination{Method::direct};
        case ForwardKind::ipip:
            return Destination{Method::tunnel, {TunnelKind::ipip}};
        case ForwardKind::gre:
            return Destination{Method::tunnel, {TunnelKind::gre}};
        case ForwardKind::gue: {
            // UDP over IPv6 has a checksum (RFC 8200, 8.1), or the backend's kernel drops it.
            const uint16_t checksum = backend.is_v4() ? 0 : kTunnelChecksum;
            const uint16_t port = forward.port ? forward.port->value() : kGuePort;
            return Destination{Method::tunnel, {TunnelKind::gue, port, checksum}};
        }
        case ForwardKind::fou:
        case ForwardKind::dscp:
        case ForwardKind::proxy:
            break;
    }
    return fail("IPVS cannot forward by {}; it can by nat, dsr, ipip, gre and gue",
                model::to_text(forward.kind));
}

Status add_frontend(Wanted& wanted, const model::Frontend& frontend,
                    const std::function<bool(const model::TargetKey&)>& keeps_trying) {
    auto key = service_key(frontend.key);
    if (!key) return propagate(key);
    auto settings = service_of(frontend);
    if (!settings) return propagate(settings);
    if (key->mark == 0 && key->port.value() == 0 && settings->persistence == 0)
        return fail("IPVS takes every port with persistence only: set it, or name the ports");
    WantedService service{*settings};
    const auto weights = weights_of(frontend.targets);
    for (size_t i = 0; i < frontend.targets.size(); ++i) {
        const auto& target = frontend.targets[i];
        auto destination = method_of(frontend.forward, target.backend.address);
        if (!destination) return propagate(destination);
        auto at = destination_of(frontend, target.backend);
        if (target.accepts == Accepts::nothing &&
            !(keeps_trying && keeps_trying({frontend.key, target.backend.address}))) {
            service.cut.insert(at);
            continue;
        }
        destination->weight = target.accepts == Accepts::all ? weights[i] : 0;
        destination->upper = target.backend.max_connections;
        destination->lower = std::min(target.backend.min_connections, target.backend.max_connections);
        service.destinations.emplace(at, *destination);
    }
    wanted.services.emplace(*key, std::move(service));
    return {};
}

std::map<Role, SyncDaemon> daemons_of(const std::optional<model::IpvsSync>& sync) {
    if (!sync) return {};
    SyncDaemon daemon{sync->interface, sync->id, sync->group};
    if (sync->port) daemon.port = sync->port->value();
    daemon.ttl = sync->ttl;
    std::map<Role, SyncDaemon> daemons;
    if (sync->role != model::IpvsRole::backup) daemons.emplace(Role::master, daemon);
    if (sync->role != model::IpvsRole::master) daemons.emplace(Role::backup, daemon);
    return daemons;
}

Timeouts timeouts_of(const std::optional<model::IpvsTimeouts>& timeouts) {
    if (!timeouts) return {};
    auto seconds = [](const std::optional<std::chrono::seconds>& time) {
        return time ? std::optional(static_cast<uint32_t>(time->count())) : std::nullopt;
    };
    return {seconds(timeouts->tcp), seconds(timeouts->tcp_fin), seconds(timeouts->udp)};
}

}  // namespace

Wanted wanted_of(const model::Plan& plan, const std::function<bool(const model::TargetKey&)>& keeps_trying) {
    Wanted wanted;
    for (const auto& frontend : plan.frontends) {
        if (frontend.engine != model::EngineKind::ipvs) continue;
        if (auto added = add_frontend(wanted, frontend, keeps_trying); !added)
            wanted.impossible.emplace(frontend.key, added.error().message);
    }
    wanted.daemons = daemons_of(plan.ipvs_sync);
    wanted.timeouts = timeouts_of(plan.ipvs_timeouts);
    return wanted;
}

Result<ServiceKey> service_key(const model::FrontendKey& key) {
    if (key.is_mark()) return ServiceKey{key.vip, net::Port(0), 0, key.mark};
    if (key.free_bits != 0)
        return fail("IPVS takes one address, not the prefix {}: mark its packets, and use the mark",
                    key.vip_text());
    if (!model::has_ports(key.protocol))
        return fail("IPVS takes TCP, UDP and SCTP, not {}", model::to_text(key.protocol));
    if (key.more_ports != 0 && !key.every_port())
        return fail("IPVS takes one port or all, not {}: mark the packets, and use the mark",
                    key.port_text());
    return ServiceKey{key.vip, key.every_port() ? net::Port(0) : key.port,
                      static_cast<uint8_t>(key.protocol)};
}

net::Endpoint destination_of(const model::Frontend& frontend, const model::Backend& backend) {
    const auto& key = frontend.key;
    const auto own = key.is_mark() || key.every_port() ? net::Port(0) : key.port;
    if (frontend.forward.kind != ForwardKind::nat) return {backend.address, own};
    return {backend.address, backend.port.value_or(own)};
}

Result<uint32_t> scheduler_flags(const std::vector<std::string>& words) {
    uint32_t flags = 0;
    for (const auto& word : words) {
        const auto* found = std::ranges::find(kWords, word, &Word::word);
        if (found == std::end(kWords))
            return fail(
                "there is no scheduler flag {}; there are flag-1, flag-2, flag-3, sh-fallback, sh-port, "
                "mh-fallback, mh-port",
                word);
        flags |= found->flag;
    }
    return flags;
}

std::vector<uint32_t> weights_of(const std::vector<model::Target>& targets) {
    auto counts = [](const model::Target& target) { return target.accepts == Accepts::all; };
    const bool whole = std::ranges::all_of(
        targets, [&](const auto& target) { return !counts(target) || target.fraction == kWhole; });
    std::vector<uint64_t> exact;
    uint64_t most = 0;
    for (const auto& target : targets) {
        uint64_t weight = counts(target) ? target.backend.weight : 0;
        if (!whole && weight > 0)
            weight = std::max<uint64_t>(1, (weight * target.fraction * kHundredths + kWhole / 2) / kWhole);
        exact.push_back(weight);
        most = std::max(most, weight);
    }
    std::vector<uint32_t> weights;
    for (auto weight : exact) {
        if (most > kLargestWeight && weight > 0)
            weight = std::max<uint64_t>(1, weight * kLargestWeight / most);
        weights.push_back(static_cast<uint32_t>(weight));
    }
    return weights;
}

}  // namespace weir::engine::ipvs
