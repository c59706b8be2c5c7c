#include "announce/bgp/export.h"

#include <fmt/format.h>

#include <algorithm>

namespace weir::announce::bgp {
namespace {

using model::BgpAttributes, model::BgpPeer;

constexpr uint32_t kUsualPreference = 100;

bool contains(const net::Prefix& wide, const net::Prefix& narrow) {
    return wide.length <= narrow.length && wide.contains(narrow.address);
}

bool has(const std::vector<net::Prefix>& list, const net::Prefix& vip) {
    return std::ranges::any_of(list, [&](const auto& each) { return contains(each, vip); });
}

/// Sorted, each once.
template <class T>
std::vector<T> united(std::vector<T> all, const std::vector<T>& more) {
    all.insert(all.end(), more.begin(), more.end());
    std::ranges::sort(all);
    auto doubles = std::ranges::unique(all);
    all.erase(doubles.begin(), doubles.end());
    return all;
}

/// One session's view of the next hops. A loopback address leads nobody here.
struct Hops {
    const BgpPeer& peer;
    const Agreed& agreed;
    const net::Ip& local;

    std::optional<net::Ip> v6() const {
        if (peer.next_hop_v6) return peer.next_hop_v6;
        return local.is_v4() || local.is_loopback() ? std::nullopt : std::optional(local);
    }
    std::optional<net::Ip> v4() const {
        if (peer.next_hop_v4) return peer.next_hop_v4;
        if (local.is_v4()) return local.is_loopback() ? std::nullopt : std::optional(local);
        return agreed.dialect.v4_over_v6 ? v6() : std::nullopt;
    }
    std::optional<net::Ip> of(net::Family family) const { return family == net::Family::v4 ? v4() : v6(); }
};

/// "" where it may be announced.
std::string why_withheld(const net::Prefix& vip, const Hops& hops) {
    const auto family = vip.address.family();
    const auto name = family == net::Family::v4 ? "IPv4" : "IPv6";
    if (!hops.peer.accept.empty() && !has(hops.peer.accept, vip)) return "'export:' has no prefix around it";
    if (has(hops.peer.reject, vip)) return "'reject:' has a prefix around it";
    if (!hops.agreed.families.contains(family))
        return fmt::format("the peer has not enabled {} unicast", name);
    const auto hop = hops.of(family);
    if (!hop) return fmt::format("the session has no {} next hop; set 'next_hop:'", name);
    // RFC 4271 section 5.1.3.
    if (*hop == hops.peer.address) return fmt::format("the next hop {} is the peer itself", hop->text());
    return "";
}

Attributes attributes_of(const BgpAttributes& vip, const BgpPeer& peer, bool external, uint32_t asn,
                         bool leaving) {
    const auto& usual = peer.attributes;
    Attributes out;
    out.med = vip.med ? vip.med : usual.med;
    out.communities = united(vip.communities, usual.communities);
    out.large_communities = united(vip.large_communities, usual.large_communities);
    if (leaving) out.communities = united(std::move(out.communities), {kGracefulShutdown});
    if (external)
        out.as_path.assign(1u + vip.prepend.value_or(usual.prepend.value_or(0)), asn);
    else
        out.local_pref = leaving ? 0 : vip.local_pref.value_or(usual.local_pref.value_or(kUsualPreference));
    return out;
}

using Groups = std::map<std::pair<net::Family, Attributes>, std::vector<net::Prefix>>;

std::vector<Bytes> announce(const Groups& groups, const Dialect& dialect) {
    std::vector<Bytes> messages;
    for (const auto& [common, prefixes] : groups)
        for (auto& message : announcements(prefixes, common.second, dialect))
            messages.push_back(std::move(message));
    return messages;
}

}  // namespace

Vips vips_of(const model::Plan& plan, const Services& services) {
    Vips vips;
    if (plan.silent) return vips;
    for (const auto& frontend : plan.frontends) {
        auto service = services.find(frontend.service);
        if (service == services.end() || !service->second || frontend.key.is_mark()) continue;
        auto [vip, is_new] = vips.try_emplace(frontend.key.vips(), *service->second);
        if (!is_new && vip->second == BgpAttributes{}) vip->second = *service->second;
    }
    for (const auto& frontend : plan.frontends)
        if (!frontend.answers()) vips.erase(frontend.key.vips());
    return vips;
}

Exported export_to(const BgpPeer& peer, const Agreed& agreed, uint32_t asn, const net::Ip& local,
                   const Vips& vips, bool leaving) {
    Exported exported;
    const Hops hops{peer, agreed, local};
    for (const auto& [vip, wanted] : vips) {
        if (auto why = why_withheld(vip, hops); !why.empty()) {
            exported.withheld.emplace(vip, std::move(why));
            continue;
        }
        auto attributes = attributes_of(wanted, peer, agreed.dialect.external, asn, leaving);
        attributes.next_hop = *hops.of(vip.address.family());
        exported.routes.emplace(vip, std::move(attributes));
    }
    return exported;
}

std::vector<Bytes> AdjRibOut::replace(Routes routes) {
    std::map<net::Family, std::vector<net::Prefix>> gone;
    for (const auto& [prefix, attributes] : routes_)
        if (!routes.contains(prefix)) gone[prefix.address.family()].push_back(prefix);
    Groups come;
    for (const auto& [prefix, attributes] : routes) {
        auto known = routes_.find(prefix);
        if (known == routes_.end() || known->second != attributes)
            come[{prefix.address.family(), attributes}].push_back(prefix);
    }
    routes_ = std::move(routes);
    std::vector<Bytes> messages;
    for (const auto& [family, prefixes] : gone)
        for (auto& message : withdrawals(prefixes)) messages.push_back(std::move(message));
    for (auto& message : announce(come, dialect_)) messages.push_back(std::move(message));
    return messages;
}

std::vector<Bytes> AdjRibOut::again(net::Family family) const {
    Groups all;
    for (const auto& [prefix, attributes] : routes_)
        if (prefix.address.family() == family) all[{family, attributes}].push_back(prefix);
    return announce(all, dialect_);
}

}  // namespace weir::announce::bgp
