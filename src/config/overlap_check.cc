#include <algorithm>
#include <map>
#include <tuple>

#include "config/prefix_map.h"
#include "config/sections.h"
#include "model/plan.h"

namespace weir::config {
namespace {

/// The ports that a service takes of one VIP and protocol.
struct Claim {
    uint32_t first = 0;
    uint32_t last = 0;
    const ServiceDraft* service = nullptr;
    Place at;
    model::FrontendKey key;

    /// In the text. Of an alias the port's place is its anchor's.
    auto position() const { return std::pair(at, service->at); }
};

/// Of VIPs that overlap the longest prefix wins, and a protocol that is named over `any`: only claims that
/// agree in both can be in each other's way.
using Claims = std::map<std::pair<net::Prefix, model::Protocol>, std::vector<Claim>>;

Claims claims_of(const Draft& draft) {
    Claims claims;
    for (const auto& service : draft.services)
        for (const auto& vip : service.vips)
            for (const auto& [port, at] : service.ports) {
                uint32_t first = port.port.value();
                model::FrontendKey key{vip.value.address, port.port, port.protocol, port.more,
                                       net::free_bits(vip.value)};
                claims[{vip.value, port.protocol}].push_back({first, first + port.more, &service, at, key});
            }
    return claims;
}

void refuse(const Claim& one, const Claim& other, Mistakes& mistakes) {
    const auto& [former, later] =
        std::minmax(one, other, [](const Claim& a, const Claim& b) { return a.position() < b.position(); });
    if (former.key == later.key)
        mistakes.add(later.at, "{} is already in service '{}' at line {}; choose another port or VIP",
                     later.key.text(), former.service->name, former.service->at.line);
    else
        mistakes.add(
            later.at,
            "{} overlaps with {} of service '{}' at line {}, and neither lies in the other; let the ranges "
            "be apart or one in the other",
            later.key.text(), former.key.port_text(), former.service->name, former.at.line);
}

/// The fewest ports win, so a range may lie in another, but not reach over its end. In the order of their
/// first ports, the ranges that are still open lie in each other.
void check_ranges(std::vector<Claim>& claims, Mistakes& mistakes) {
    std::ranges::sort(claims, [](const Claim& a, const Claim& b) {
        return std::tuple(a.first, b.last, a.position()) < std::tuple(b.first, a.last, b.position());
    });
    std::vector<const Claim*> open;
    for (const auto& claim : claims) {
        while (!open.empty() && open.back()->last < claim.first) open.pop_back();
        if (!open.empty() && (open.back()->key == claim.key || open.back()->last < claim.last))
            refuse(*open.back(), claim, mistakes);
        else
            open.push_back(&claim);
    }
}

using Vips = PrefixMap<std::string_view>;  // to the service's name

/// A backend with a VIP's address would have its packets sent back to the balancer.
void check_backends(const Draft& draft, const Vips& vips, Mistakes& mistakes) {
    for (const auto& [name, pool] : draft.pools)
        for (const auto& backend : pool.backends) {
            const auto* vip = vips.overlapping(net::only(backend.value.address));
            if (!vip) continue;
            bool one = net::free_bits(vip->first) == 0;
            mistakes.add(backend.at, "backend {} is {} of service '{}'; write the backend's own address",
                         backend.value.address.text(), one ? "the VIP" : "in the VIP " + vip->first.text(),
                         vip->second);
        }
}

/// What comes back to an address that stands for clients is translated and sent to one of them.
void check_nat_sources(const Draft& draft, const Vips& vips, Mistakes& mistakes) {
    PrefixMap<std::string_view> backends;  // to the pool's name
    for (const auto& [name, pool] : draft.pools)
        for (const auto& backend : pool.backends) backends.add(net::only(backend.value.address), name);
    for (const auto& service : draft.services) {
        if (service.forward.value.kind != model::ForwardKind::nat) continue;
        for (const auto& source : service.forward.value.sources) {
            if (const auto* vip = vips.overlapping(source))
                mistakes.add(
                    service.forward.at,
                    "the source {} and the VIP {} of service '{}' overlap; write addresses of their own",
                    short_text(source), short_text(vip->first), vip->second);
            if (const auto* backend = backends.overlapping(source))
                mistakes.add(
                    service.forward.at,
                    "the source {} takes in the backend {} of pool '{}'; write addresses of their own",
                    short_text(source), backend->first.address.text(), backend->second);
        }
    }
}

}  // namespace

void check_overlaps(const Draft& draft, Mistakes& mistakes) {
    Vips vips;
    for (const auto& service : draft.services)
        for (const auto& vip : service.vips) vips.add(vip.value, service.name);
    for (auto& [key, claims] : claims_of(draft)) check_ranges(claims, mistakes);
    check_backends(draft, vips, mistakes);
    check_nat_sources(draft, vips, mistakes);
}

}  // namespace weir::config
