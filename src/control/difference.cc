#include "control/difference.h"

#include <algorithm>
#include <map>

#include "control/share.h"

namespace weir::control {
namespace {

bool same(const model::Target& a, const model::Target& b) {
    return a.backend == b.backend && a.accepts == b.accepts && a.health.up == b.health.up &&
           a.tier == b.tier && a.fraction == b.fraction;
}

bool same(const model::Frontend& a, const model::Frontend& b) {
    if (&a == &b) return true;
    return a.key == b.key && a.service == b.service && a.engine == b.engine && a.forward == b.forward &&
           a.scheduler == b.scheduler && a.ipvs == b.ipvs && a.proxy == b.proxy && a.sticky == b.sticky &&
           a.quic == b.quic && a.announce_arp == b.announce_arp && a.healthy == b.healthy &&
           a.answers() == b.answers() &&
           std::ranges::equal(a.targets, b.targets, [](const auto& x, const auto& y) { return same(x, y); });
}

std::vector<TargetChange> changes(const model::Frontend& before, const model::Frontend& after) {
    std::map<net::Ip, TargetChange> by_address;
    for (const auto& target : before.targets) by_address[target.backend.address].before = target;
    for (const auto& target : after.targets) by_address[target.backend.address].after = target;
    std::vector<TargetChange> changes;
    for (auto& [address, change] : by_address) {
        if (change.before && change.after && same(*change.before, *change.after)) continue;
        change.address = address;
        changes.push_back(std::move(change));
    }
    return changes;
}

bool same_scheduler(const model::Frontend& a, const model::Frontend& b) {
    return a.engine == b.engine && a.scheduler == b.scheduler &&
           model::scheduler_text(a.scheduler, a.ipvs) == model::scheduler_text(b.scheduler, b.ipvs);
}

std::vector<std::string> changed_settings(const model::Plan& before, const model::Plan& after) {
    std::vector<std::string> settings;
    if (before.interfaces != after.interfaces) settings.emplace_back("interfaces");
    if (before.vlans != after.vlans) settings.emplace_back("vlans");
    if (before.icmp != after.icmp) settings.emplace_back("icmp");
    if (before.flows != after.flows) settings.emplace_back("flows");
    if (before.unmatched != after.unmatched) settings.emplace_back("unmatched");
    if (before.watchdog != after.watchdog) settings.emplace_back("watchdog");
    if (before.flow_secret != after.flow_secret) settings.emplace_back("sync");
    if (before.ipvs_sync != after.ipvs_sync || before.ipvs_timeouts != after.ipvs_timeouts)
        settings.emplace_back("ipvs");
    if (before.proxy != after.proxy) settings.emplace_back("proxy");
    if (before.node_address != after.node_address) settings.emplace_back("node");
    return settings;
}

}  // namespace

Difference difference(const model::Plan& before, const model::Plan& after) {
    Difference difference{changed_settings(before, after), {}, {}, {}};
    std::map<model::FrontendKey, const model::Frontend*> old;
    for (const auto& frontend : before.frontends) old[frontend.key] = &frontend;
    Tables tables;
    for (const auto& frontend : after.frontends) {
        auto found = old.find(frontend.key);
        if (found == old.end()) {
            difference.added.push_back(frontend);
            continue;
        }
        const auto& former = *found->second;
        old.erase(found);
        if (same(former, frontend)) continue;
        difference.changed.push_back({frontend, !same_scheduler(former, frontend),
                                      moved(tables.of(former), tables.of(frontend)),
                                      changes(former, frontend)});
    }
    for (const auto& [key, frontend] : old) difference.removed.push_back(*frontend);
    return difference;
}

bool same_programming(const model::Plan& a, const model::Plan& b) {
    return a.silent == b.silent && a.stands_by == b.stands_by && changed_settings(a, b).empty() &&
           std::ranges::equal(a.frontends, b.frontends,
                              [](const auto& x, const auto& y) { return same(x, y); });
}

void keep_what_is_same(const model::Plan& former, model::Plan& plan) {
    size_t at = 0;
    for (size_t i = 0; i < plan.frontends.size(); i++) {
        const auto& frontend = plan.frontends[i];
        while (at < former.frontends.size() && former.frontends[at].key < frontend.key) ++at;
        if (at < former.frontends.size() && same(former.frontends[at], frontend))
            plan.frontends.put(i, former.frontends.item(at));
    }
}

}  // namespace weir::control
