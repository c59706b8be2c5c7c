// The engine's ways: where the plan's backends are at layer 2, which of them cannot be reached and why, and
// the passages of probes to them.
#include <algorithm>

#include "engine/probe_socket.h"
#include "engine/xdp/xdp.h"

namespace weir::engine::xdp {
namespace {

/// The interface's first address of a family; a global one before a link-local one.
std::optional<net::Ip> address_of(const net::Link& link, net::Family family) {
    std::optional<net::Ip> found;
    for (const auto& address : link.addresses) {
        if (address.family() != family) continue;
        if (!address.is_link_local()) return address;
        if (!found) found = address;
    }
    return found;
}

/// A socket that cannot be made is a want of this host's, once the way is known.
net::Opened made_here(Result<net::Passage> opened) {
    if (opened) return std::move(*opened);
    return std::unexpected(net::NoPassage(opened.error(), true));
}

}  // namespace

Result<Hop> Xdp::find_way(const net::Ip& backend) const {
    auto neighbour = neighbours_->find(backend);
    if (!neighbour) return propagate(neighbour);
    auto link = neighbours_->link(neighbour->interface);
    auto name = link ? link->name : fmt::format("interface {}", neighbour->interface);
    if (std::ranges::find(plan_.interfaces, name, &model::Interface::name) == plan_.interfaces.end())
        return fail("is reached through {}, which `interfaces:` does not name", name);
    Hop hop{neighbour->mac, neighbour->source_mac,          neighbour->interface, neighbour->vlan,
            neighbour->mtu, neighbour->gateway.has_value(), neighbour->source};
    // A VLAN device of the kernel's tells its own id.
    if (!hop.vlan) hop.vlan = model::vlan_of(plan_.vlans, neighbour->gateway.value_or(backend));
    if (plan_.node_address && plan_.node_address->family() == backend.family())
        hop.source = plan_.node_address;
    return hop;
}

/// To the plan's backends, by what is known of the neighbours. False: they are the same as before.
bool Xdp::find_ways() {
    Ways ways;
    for (const auto& frontend : plan_.frontends)
        for (const auto& target : frontend.targets)
            if (const auto& address = target.backend.address; !ways.contains(address))
                ways.emplace(address, find_way(address));
    ways_.swap(ways);
    unreachable_ = find_unreachable();
    Hops hops = adopted_;
    for (const auto& [address, way] : ways_)
        if (way) hops.insert_or_assign(address, *way);
    if (hops == *hops_) return ways != ways_;
    hops_ = std::make_shared<const Hops>(std::move(hops));
    return true;
}

/// Why a frontend's frames do not get to a backend; nothing where they do.
std::optional<std::string> Xdp::why_no_way(const model::Frontend& frontend, const net::Ip& backend) const {
    auto found = ways_.find(backend);
    if (found == ways_.end()) return "not resolved yet";
    if (!found->second) return found->second.error().message;
    return why_not(frontend, backend, *found->second);
}

std::map<model::TargetKey, std::string> Xdp::find_unreachable() const {
    std::map<model::TargetKey, std::string> reasons;
    for (const auto& frontend : plan_.frontends)
        for (const auto& target : frontend.targets) {
            const auto& address = target.backend.address;
            auto reason = why_no_way(frontend, address);
            if (!reason || adopted_.contains(address)) continue;
            reasons.emplace_hint(reasons.end(), model::TargetKey{frontend.key, address}, std::move(*reason));
        }
    return reasons;
}

/// The device that the kernel's route names: the interface, or a VLAN device on it.
net::Link Xdp::device_towards(const net::Ip& backend, const net::Link& interface) const {
    auto neighbour = neighbours_->find(backend);
    if (!neighbour || !neighbour->vlan) return interface;
    for (const auto& [index, link] : neighbours_->links())
        if (link.parent == interface.index && link.vlan == neighbour->vlan) return link;
    return interface;
}

/// The balancer's address that the backend sees, where the route does not decide on it.
std::optional<net::Ip> Xdp::probe_source(const net::Link& device, const model::TargetKey& target) const {
    auto family = target.frontend.vip.family();
    if (plan_.node_address && plan_.node_address->family() == family) return plan_.node_address;
    if (target.backend.family() == family) return std::nullopt;
    return address_of(device, family);
}

net::Opened Xdp::open_passage(const model::TargetKey& key, net::Carrier carrier, net::Port port) {
    auto frontend = std::ranges::lower_bound(plan_.frontends, key.frontend, {}, &model::Frontend::key);
    if (frontend == plan_.frontends.end() || frontend->key != key.frontend)
        return fail("{} is not in the plan", key.frontend.text());
    auto target = std::ranges::find(frontend->targets, key.backend,
                                    [](const auto& each) { return each.backend.address; });
    if (target == frontend->targets.end())
        return fail("{} has no backend {}", key.frontend.text(), key.backend.text());
    if (auto reason = why_no_way(*frontend, key.backend)) return fail("{}", *reason);
    const auto& way = ways_.at(key.backend);
    auto link = neighbours_->link(way->interface);
    if (!link) return fail("the interface towards {} has gone", key.backend.text());
    if (frontend->forward.kind == model::ForwardKind::nat)
        return open_directly(carrier,
                             {key.backend, model::port_behind(frontend->key, target->backend, port)});
    auto device = device_towards(key.backend, *link);
    return made_here(detour_->open({.carrier = carrier,
                                    .backend = key.backend,
                                    .vip = key.frontend.probe_address(),
                                    .port = port,
                                    .ifindex = link->index,
                                    .device = device.index,
                                    .source = probe_source(device, key),
                                    .target = make_target(*frontend, 0, *target, &*way, true)}));
}

}  // namespace weir::engine::xdp
