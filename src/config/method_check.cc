#include <algorithm>

#include "config/sections.h"

namespace weir::config {
namespace {

using model::ForwardKind, model::Protocol;

std::string_view method(const ServiceDraft& service) {
    return model::to_text(service.forward.value.kind);
}

std::string_view family_name(const net::Ip& ip) {
    return ip.is_v4() ? "IPv4" : "IPv6";
}

void check_ports(const ServiceDraft& service, Mistakes& mistakes) {
    if (!model::knows_transport(service.forward.value.kind) || service.engine != model::EngineKind::xdp)
        return;
    for (const auto& [port, at] : service.ports)
        if (port.protocol != Protocol::tcp && port.protocol != Protocol::udp)
            mistakes.add(
                at, "service '{}' has 'forward: {}', which carries tcp and udp alone; write those protocols",
                service.name, method(service));
}

bool is_echo(const model::Check& check) {
    return std::holds_alternative<model::IcmpCheck>(check.kind);
}

void check_echoes(const ServiceDraft& service, Mistakes& mistakes) {
    for (const auto& [check, at] : service.checks)
        if (is_echo(check) && service.forward.value.kind == ForwardKind::dscp)
            mistakes.add(at,
                         "service '{}' has 'forward: dscp', which carries tcp and udp alone; write another "
                         "check than icmp",
                         service.name);
}

/// A probe goes to one port, unless it is an echo.
void check_checks(const ServiceDraft& service, Mistakes& mistakes) {
    auto vague = std::ranges::find_if(service.ports, [](const auto& port) { return port.value.more > 0; });
    if (vague == service.ports.end() && !service.mark) return;
    for (const auto& [check, at] : service.checks)
        if (!check.port && !is_echo(check))
            mistakes.add(at, "service '{}' has {} at line {}, and the check none of its own; add 'port:'",
                         service.name, service.mark ? "a mark and no port" : "more than one port",
                         service.mark ? service.mark->at.line : vague->at.line);
}

void check_announced(const ServiceDraft& service, Mistakes& mistakes) {
    constexpr uint8_t kMostBits = 8;
    if (!service.announce_arp.value) return;
    for (const auto& [vip, at] : service.vips)
        if (net::free_bits(vip) > kMostBits)
            mistakes.add(
                at,
                "{} has too many addresses for 'announce: {{arp: true}}'; write prefixes of {} addresses at "
                "most, or have a router bring it",
                vip.text(), 1 << kMostBits);
}

void check_families(const ServiceDraft& service, std::string_view pool, const BackendDraft& backend,
                    Mistakes& mistakes) {
    const auto& forward = service.forward.value;
    auto address = backend.value.address;
    auto differs = [&](const auto& vip) { return vip.value.address.family() != address.family(); };
    auto vip = std::ranges::find_if(service.vips, differs);
    const bool here = service.engine == model::EngineKind::xdp;  // see check_engine()
    if (here && model::knows_transport(forward.kind) && vip != service.vips.end())
        mistakes.add(
            backend.at,
            "backend {} is of another family than the VIP {} of service '{}', which 'forward: {}' cannot "
            "cross; give each family a service and a pool",
            address.text(), vip->value.address.text(), service.name, method(service));
    auto fits = [&](const net::Prefix& source) { return source.address.family() == address.family(); };
    if (model::is_tunnel(forward.kind) && !forward.sources.empty() &&
        std::ranges::none_of(forward.sources, fits))
        mistakes.add(service.forward.at,
                     "there is no {} source for the {} backends of pool '{}'; add one, or leave 'source' out",
                     family_name(address), family_name(address), pool);
}

void check_backend_port(const ServiceDraft& service, const BackendDraft& backend, Mistakes& mistakes) {
    if (backend.value.port && !model::knows_backend_ports(service.forward.value.kind))
        mistakes.add(backend.port_at,
                     "a backend's port is for 'forward: nat' and 'proxy', but service '{}' has '{}'; leave "
                     "it out or give the service another pool",
                     service.name, method(service));
}

void check_server_id(const ServiceDraft& service, const BackendDraft& backend, Mistakes& mistakes) {
    auto length = backend.value.server_id.size();
    for (const auto& config : service.quic) {
        if (config.value.server_id_length == length) continue;
        if (length == 0)
            mistakes.add(
                backend.at,
                "backend {} has no 'server_id', which 'quic' of service '{}' needs; add one of {} bytes",
                backend.value.address.text(), service.name, config.value.server_id_length);
        else
            mistakes.add(backend.server_id_at,
                         "this server id has {} bytes but 'quic' of service '{}' says {} at line {}; let "
                         "them be equal",
                         length, service.name, config.value.server_id_length, config.at.line);
        return;
    }
}

void check_quic_pool(const ServiceDraft& service, const PoolDraft& pool, Mistakes& mistakes) {
    if (!service.quic.empty() && !pool.sources.empty())
        mistakes.add(
            service.quic.front().at,
            "'quic' of service '{}' needs server ids, which the {} source of pool '{}' does not tell; "
            "write its backends under 'static', or leave 'quic' out",
            service.name, pool.sources.front().kind, pool.name);
}

void check_quic_ports(const ServiceDraft& service, Mistakes& mistakes) {
    auto carries = [](const auto& port) {
        return port.value.protocol == Protocol::udp || port.value.protocol == Protocol::any;
    };
    if (!service.quic.empty() && !service.ports.empty() && std::ranges::none_of(service.ports, carries))
        mistakes.add(service.quic.front().at,
                     "service '{}' has 'quic' but no udp port; add one such as 443/udp", service.name);
}

}  // namespace

void check_methods(const ServiceDraft& service, const Draft& draft, Mistakes& mistakes) {
    check_ports(service, mistakes);
    check_checks(service, mistakes);
    check_echoes(service, mistakes);
    check_announced(service, mistakes);
    check_quic_ports(service, mistakes);
    if (!service.mark && (service.vips.empty() || service.ports.empty())) return;
    for (const auto* pool : pools_of(service, draft)) {
        if (!pool->whole) continue;
        check_quic_pool(service, *pool, mistakes);
        for (const auto& backend : pool->backends) {
            check_families(service, pool->name, backend, mistakes);
            check_backend_port(service, backend, mistakes);
            check_server_id(service, backend, mistakes);
        }
    }
}

}  // namespace weir::config
