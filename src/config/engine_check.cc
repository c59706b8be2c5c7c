// What an engine cannot do is refused, not left out.
#include <algorithm>

#include "config/prefix_map.h"
#include "config/sections.h"
#include "model/plan.h"

namespace weir::config {
namespace {

using model::EngineKind, model::Protocol;

/// IPVS knows services of one address, or packets by their mark.
void check_ipvs_frontends(const ServiceDraft& service, Mistakes& mistakes) {
    for (const auto& [vip, at] : service.vips)
        if (net::free_bits(vip) > 0)
            mistakes.add(at,
                         "service '{}' has 'engine: ipvs', which takes no prefix; write addresses, or have "
                         "nftables mark the packets and write 'mark: NUMBER' in place of 'vip' and 'ports'",
                         service.name);
    for (const auto& [port, at] : service.ports)
        if (port.more > 0 || !model::has_ports(port.protocol))
            mistakes.add(at,
                         "service '{}' has 'engine: ipvs', which takes single ports of tcp, udp and sctp; "
                         "write those, or have nftables mark the packets and write 'mark: NUMBER' in place "
                         "of 'vip' and 'ports'",
                         service.name);
    if (service.mark && service.announce_arp.at != Place{})
        mistakes.add(service.announce_arp.at,
                     "service '{}' has a 'mark' and so no VIP to announce; leave 'announce' out",
                     service.name);
    else if (service.announce_arp.value)
        mistakes.add(service.announce_arp.at,
                     "service '{}' has 'engine: ipvs', whose VIPs are addresses of this host: the kernel "
                     "answers for them; leave 'arp' out",
                     service.name);
}

void check_ipvs_choosing(const ServiceDraft& service, Mistakes& mistakes) {
    if (service.sticky.value)
        mistakes.add(service.sticky.at,
                     "'sticky' is of 'engine: xdp'; write 'ipvs: {{persistence: 5m}}' in its place");
    if (!service.quic.empty())
        mistakes.add(service.quic.front().at, "'quic' is of 'engine: xdp'; leave it out, or use that engine");
    if (!service.forward.value.sources.empty())
        mistakes.add(service.forward.at,
                     "'source' is of 'engine: xdp'; of 'engine: ipvs' the kernel's routes decide on it, and "
                     "nftables may masquerade; leave it out");
    auto stray = std::ranges::find_if(service.ports,
                                      [](const auto& port) { return port.value.protocol != Protocol::udp; });
    if (service.ipvs.value.one_packet && stray != service.ports.end())
        mistakes.add(
            service.ipvs.one_packet_at,
            "'one_packet' is for udp, and service '{}' has another port at line {}; leave it out, or "
            "give that port a service of its own",
            service.name, stray->at.line);
}

/// A tunnel crosses families, but the kernel's daemon tells nobody of such connections.
void check_ipvs_families(const ServiceDraft& service, const Draft& draft, Mistakes& mistakes) {
    const bool tunnels = model::is_tunnel(service.forward.value.kind);
    if (tunnels && !draft.config.ipvs_sync) return;
    auto check = [&](net::Family family, const BackendDraft& backend) {
        if (backend.value.address.family() == family) return false;
        mistakes.add(backend.at,
                     "backend {} is of another family than service '{}', which {} cannot cross; give each "
                     "family a service and a pool",
                     backend.value.address.text(), service.name,
                     tunnels ? "'ipvs: {sync: …}'"
                             : fmt::format("'forward: {}' of 'engine: ipvs'",
                                           model::to_text(service.forward.value.kind)));
        return true;
    };
    for (const auto* pool : pools_of(service, draft))
        for (const auto& backend : pool->backends) {
            if (service.mark && check(service.mark->value.family, backend)) continue;
            for (const auto& [vip, at] : service.vips)
                if (check(vip.address.family(), backend)) break;
        }
}

/// A proxy listens: at addresses, and at ports of protocols that it can take apart.
void check_proxy_frontends(const ServiceDraft& service, Mistakes& mistakes) {
    for (const auto& [vip, at] : service.vips)
        if (net::free_bits(vip) > 0)
            mistakes.add(at, "service '{}' has 'forward: proxy', which takes no prefix; write addresses",
                         service.name);
    for (const auto& [port, at] : service.ports)
        if (port.more > 0 || (port.protocol != Protocol::tcp && port.protocol != Protocol::udp))
            mistakes.add(at,
                         "service '{}' has 'forward: proxy', which takes single ports of tcp and udp; write "
                         "those",
                         service.name);
    if (!service.quic.empty())
        mistakes.add(service.quic.front().at, "'quic' is of 'engine: xdp'; leave it out, or use that engine");
    if (service.announce_arp.value)
        mistakes.add(service.announce_arp.at,
                     "service '{}' has 'forward: proxy', whose VIPs are addresses of this host: the kernel "
                     "answers for them; leave 'arp' out",
                     service.name);
}

/// Connections from a client's own address are of its family, which is the VIP's.
void check_proxy_families(const ServiceDraft& service, const Draft& draft, Mistakes& mistakes) {
    if (!service.proxy.value.transparent) return;
    for (const auto* pool : pools_of(service, draft))
        for (const auto& backend : pool->backends) {
            auto differs = [&](const auto& vip) {
                return vip.value.address.family() != backend.value.address.family();
            };
            auto vip = std::ranges::find_if(service.vips, differs);
            if (vip != service.vips.end())
                mistakes.add(backend.at,
                             "backend {} is of another family than the VIP {} of service '{}', and so than "
                             "its clients; leave 'transparent' out, or give each family a service and a pool",
                             backend.value.address.text(), vip->value.address.text(), service.name);
        }
}

/// Settings that do nothing with the ports that there are.
void check_proxy_sense(const ServiceDraft& service, Mistakes& mistakes) {
    constexpr std::pair<std::string_view, Protocol> kOfOne[] = {
        {"connect_timeout", Protocol::tcp}, {"idle_timeout", Protocol::tcp}, {"keepalive", Protocol::tcp},
        {"fast_open", Protocol::tcp},       {"udp_timeout", Protocol::udp},  {"udp_sessions", Protocol::udp},
        {"one_packet", Protocol::udp}};
    auto has = [&](Protocol protocol) {
        return std::ranges::any_of(service.ports,
                                   [&](const auto& port) { return port.value.protocol == protocol; });
    };
    const auto& given = service.proxy.given;
    for (const auto& [name, protocol] : kOfOne)
        if (auto at = given.find(name); at != given.end() && !service.ports.empty() && !has(protocol))
            mistakes.add(at->second,
                         "'{}' is for {}, and service '{}' has no {} port; leave it out, or add such a port",
                         name, model::to_text(protocol), service.name, model::to_text(protocol));
    const auto& value = service.proxy.value;
    for (const auto& [name, is_set] :
         {std::pair("accept_header", value.accept_header),
          std::pair("send_header", value.send_header != model::ProxyHeader::none)})
        if (is_set && has(Protocol::udp))
            mistakes.add(given.at(name),
                         "'{}' is for tcp, and service '{}' has a udp port; leave it out, or give that port "
                         "a service of its own",
                         name, service.name);
}

/// What is IPVS's alone.
void check_not_ipvs(const ServiceDraft& service, const Draft& draft, Mistakes& mistakes) {
    if (service.mark)
        mistakes.add(service.mark->at,
                     "'mark' is of 'engine: ipvs'; add that, or write 'vip' and 'ports' in its place");
    for (const auto* pool : pools_of(service, draft))
        for (const auto& backend : pool->backends)
            if (backend.min_connections_at != Place{})
                mistakes.add(backend.min_connections_at,
                             "'min_connections' is for 'engine: ipvs', and service '{}' has '{}'; leave it "
                             "out or give the service another pool",
                             service.name, model::to_text(service.engine));
}

void check_marks(const Draft& draft, Mistakes& mistakes) {
    std::map<model::Mark, const ServiceDraft*> first;
    for (const auto& service : draft.services) {
        if (!service.mark) continue;
        auto [former, is_new] = first.emplace(service.mark->value, &service);
        if (!is_new)
            mistakes.add(service.mark->at, "mark {} is already of service '{}' at line {}; choose another",
                         service.mark->value.number, former->second->name, former->second->at.line);
    }
}

}  // namespace

void check_engine(const ServiceDraft& service, const Draft& draft, Mistakes& mistakes) {
    if (service.engine != EngineKind::ipvs) check_not_ipvs(service, draft, mistakes);
    if (service.engine == EngineKind::ipvs) {
        check_ipvs_frontends(service, mistakes);
        check_ipvs_choosing(service, mistakes);
        check_ipvs_families(service, draft, mistakes);
    }
    if (service.engine == EngineKind::proxy) {
        check_proxy_frontends(service, mistakes);
        check_proxy_families(service, draft, mistakes);
        check_proxy_sense(service, mistakes);
    }
}

void check_engines(const Draft& draft, Mistakes& mistakes) {
    check_marks(draft, mistakes);
    std::map<EngineKind, PrefixMap<const ServiceDraft*>> vips;
    for (const auto& service : draft.services)
        for (const auto& vip : service.vips) vips[service.engine].add(vip.value, &service);
    for (const auto& service : draft.services)
        for (const auto& [vip, at] : service.vips)
            for (const auto& [engine, theirs] : vips) {
                if (engine >= service.engine) break;  // it is said at one of the two
                if (const auto* other = theirs.overlapping(vip))
                    mistakes.add(at,
                                 "the VIP {} is in service '{}' too, which has 'engine: {}'{}; give each "
                                 "engine VIPs of its own",
                                 short_text(vip), other->second->name, model::to_text(engine),
                                 engine == EngineKind::xdp ? " and sees its packets first" : "");
            }
}

}  // namespace weir::config
