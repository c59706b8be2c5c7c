#include "model/plan.h"

#include <algorithm>
#include <ranges>

namespace weir::model {
namespace {

/// Calls visit(key, name, service, members) for each frontend of each service.
template <class Visit>
void for_each_frontend(const Config& config, Visit visit) {
    for (const auto& [name, service] : config.services) {
        auto members = members_of(config, service);
        for (const auto& key : frontends_of(service)) visit(key, name, service, members);
    }
}

Health health_of(const TargetKey& key, const Service& service, const HealthMap& health) {
    if (auto found = health.find(key); found != health.end()) return found->second;
    if (service.checks.empty()) return {true, "no checks"};
    return {false, "not checked yet"};
}

/// Of the target alone; share_out() gives its tier's part to those that could take new flows.
Accepts accepts_of(const Target& target, bool full) {
    if (!target.health.up || target.backend.state == AdminState::disabled) return Accepts::nothing;
    return full || !takes_new(target.backend) ? Accepts::established : Accepts::all;
}

Target make_target(Backend backend, Tier tier, Health health, const Allowance& allowance) {
    Target target{std::move(backend), std::move(health), Accepts::nothing, tier, false,
                  allowance.fraction, allowance.reason};
    target.accepts = accepts_of(target, allowance.full);
    target.usable = target.accepts == Accepts::all;
    return target;
}

/// What comes from outside of the configuration.
struct Inputs {
    const HealthMap& health;
    const Allowances& allowances;
    const Overrides& overrides;
};

Frontend make_frontend(const FrontendKey& key, const std::string& name, const Service& service,
                       const std::vector<Member>& members, const Inputs& inputs) {
    Frontend frontend{.key = key,
                      .service = name,
                      .engine = service.engine,
                      .forward = service.forward,
                      .scheduler = service.scheduler,
                      .ipvs = service.ipvs,
                      .proxy = service.proxy,
                      .sticky = service.sticky,
                      .quic = service.quic,
                      .announce_arp = service.announce_arp};
    const ServiceOverrides overridden(inputs.overrides, name);
    frontend.targets.reserve(members.size());
    for (const auto& member : members) {
        TargetKey target{key, member.backend->address};
        auto allowed = inputs.allowances.find(target);
        frontend.targets.push_back(make_target(
            overridden.apply(*member.backend), member.tier, health_of(target, service, inputs.health),
            allowed == inputs.allowances.end() ? Allowance{} : allowed->second));
    }
    // Those that are full, too: a VIP that is withdrawn for them would lose the flows that they have.
    auto standing = std::ranges::count_if(frontend.targets, [](const Target& target) {
        return target.health.up && takes_new(target.backend) && target.tier != kFallbackTier;
    });
    frontend.healthy = static_cast<size_t>(standing) >= service.need;
    share_out(frontend, service);
    return frontend;
}

}  // namespace

FrontendKey FrontendKey::of(const Mark& mark) {
    return {mark.family == net::Family::v4 ? net::Ip() : net::Ip::v6({}),
            net::Port(0),
            Protocol::any,
            0xffff,
            0,
            mark.number};
}

std::string FrontendKey::text() const {
    if (is_mark()) return vip_text();
    return vip.is_v4() ? fmt::format("{}:{}/{}", vip_text(), port_text(), to_text(protocol))
                       : fmt::format("[{}]:{}/{}", vip_text(), port_text(), to_text(protocol));
}

net::Prefix FrontendKey::vips() const {
    return {vip, static_cast<uint8_t>(net::bits(vip.family()) - free_bits)};
}

net::Ip FrontendKey::probe_address() const {
    if (free_bits == 0) return vip;
    std::array<uint8_t, 16> bytes{};
    std::ranges::copy(vip.bytes(), bytes.begin());
    bytes[vip.bytes().size() - 1] |= 1;
    return vip.is_v4() ? net::Ip::v4({bytes[0], bytes[1], bytes[2], bytes[3]}) : net::Ip::v6(bytes);
}

std::string FrontendKey::vip_text() const {
    if (is_mark()) return fmt::format("mark {}/{}", mark, vip.is_v4() ? "inet" : "inet6");
    return free_bits == 0 ? vip.text() : vips().text();
}

std::string FrontendKey::port_text() const {
    if (every_port()) return "any";
    if (more_ports == 0) return std::to_string(port.value());
    return fmt::format("{}-{}", port.value(), port.value() + more_ports);
}

bool has_ports(Protocol protocol) {
    return protocol == Protocol::tcp || protocol == Protocol::udp || protocol == Protocol::sctp;
}

std::string_view to_text(Accepts accepts) {
    switch (accepts) {
        case Accepts::nothing:
            return "nothing";
        case Accepts::established:
            return "established";
        case Accepts::all:
            return "all";
    }
    return "?";
}

std::string_view to_text(Serving serving) {
    switch (serving) {
        case Serving::nothing:
            return "nothing";
        case Serving::pool:
            return "pool";
        case Serving::backup:
            return "backup";
        case Serving::fallback:
            return "fallback";
        case Serving::fail_open:
            return "fail_open";
    }
    return "?";
}

std::vector<FrontendKey> frontends_of(const Service& service) {
    if (service.mark) return {FrontendKey::of(*service.mark)};
    std::vector<FrontendKey> keys;
    for (const auto& vip : service.vips)
        for (const auto& [port, protocol, more] : service.ports)
            keys.push_back({vip.address, port, protocol, more, net::free_bits(vip)});
    return keys;
}

std::vector<TargetKey> targets_of(const Config& config) {
    std::vector<TargetKey> targets;
    for_each_frontend(config, [&](const FrontendKey& key, const std::string&, const Service&,
                                  const std::vector<Member>& members) {
        for (const auto& member : members) targets.push_back({key, member.backend->address});
    });
    std::ranges::sort(targets);
    return targets;
}

Plan plan(const Config& config, const HealthMap& health, const Allowances& allowances,
          const Overrides& overrides) {
    std::vector<Frontend> frontends;
    for_each_frontend(config, [&](const FrontendKey& key, const std::string& name, const Service& service,
                                  const std::vector<Member>& members) {
        frontends.push_back(make_frontend(key, name, service, members, {health, allowances, overrides}));
    });
    std::ranges::sort(frontends, {}, &Frontend::key);
    return {config.node_address,
            config.interfaces,
            config.vlans,
            config.flows,
            config.icmp,
            config.unmatched,
            config.watchdog,
            config.ipvs_sync,
            config.ipvs_timeouts,
            config.proxy,
            config.sync.keys.empty() ? std::nullopt : std::optional(config.sync.flow_secret),
            false,
            false,
            SharedList(std::move(frontends))};
}

Plan replan(const Plan& former, const std::set<std::string>& services, const Config& config,
            const HealthMap& health, const Allowances& allowances, const Overrides& overrides) {
    auto plan = former;
    for (const auto& name : services) {
        const auto& service = config.services.at(name);
        auto members = members_of(config, service);
        for (const auto& key : frontends_of(service)) {
            auto place = std::ranges::lower_bound(plan.frontends, key, {}, &Frontend::key);
            plan.frontends.put(static_cast<size_t>(place - plan.frontends.begin()),
                               std::make_shared<const Frontend>(make_frontend(
                                   key, name, service, members, {health, allowances, overrides})));
        }
    }
    return plan;
}

bool same_targets(const Plan& a, const Plan& b) {
    auto same = [](const Frontend& x, const Frontend& y) {
        auto address = [](const Target& target) { return target.backend.address; };
        return &x == &y || (x.key == y.key && x.engine == y.engine && x.forward == y.forward &&
                            std::ranges::equal(x.targets, y.targets, {}, address, address));
    };
    return std::ranges::equal(a.frontends, b.frontends, same);
}

std::map<net::Prefix, bool> announced_vips(const Plan& plan) {
    std::map<net::Prefix, bool> vips;
    auto has_vip = [](const Frontend& frontend) { return !frontend.key.is_mark(); };
    for (const auto& frontend : plan.frontends | std::views::filter(has_vip))
        vips[frontend.key.vips()] |= frontend.announce_arp;
    for (const auto& frontend : plan.frontends | std::views::filter(has_vip))
        if (!frontend.answers() || plan.silent || plan.stands_by) vips[frontend.key.vips()] = false;
    return vips;
}

net::Port port_behind(const FrontendKey& frontend, const Backend& backend, net::Port asked) {
    int place = asked.value() - frontend.port.value();
    bool translated = backend.port && place >= 0 && place <= frontend.more_ports;
    return translated ? *backend.port : asked;
}

std::optional<uint16_t> vlan_of(const Vlans& vlans, const net::Ip& address) {
    for (const auto& [id, prefixes] : vlans)
        if (std::ranges::any_of(prefixes, [&](const auto& prefix) { return prefix.contains(address); }))
            return id;
    return std::nullopt;
}

}  // namespace weir::model
