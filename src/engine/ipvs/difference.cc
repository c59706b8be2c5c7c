#include "engine/ipvs/difference.h"

#include <algorithm>

namespace weir::engine::ipvs {
namespace {

/// Changes of one service, those that add before those that take away.
class Ordered {
  public:
    void first(Change change) { first_.push_back(std::move(change)); }
    void last(Change change) { last_.push_back(std::move(change)); }
    void move_to(std::vector<Change>& changes) {
        std::ranges::move(first_, std::back_inserter(changes));
        std::ranges::move(last_, std::back_inserter(changes));
    }

  private:
    std::vector<Change> first_, last_;
};

class Comparison {
  public:
    Comparison(const Wanted& wanted, const Contents& found, const Owned& owned, const Drains& drains,
               Clock::Time now)
        : wanted_(wanted), found_(found), owned_(owned), drains_(drains), now_(now) {}

    Difference make() {
        find_foreign();
        remove_addresses();
        for (const auto& key : owned_.services)
            if (!wanted_.services.contains(key) && found_.services.contains(key)) add(RemoveService{key});
        for (const auto& [key, service] : wanted_.services)
            if (!out_.foreign.contains(key)) compare(key, service);
        for (const auto& address : addresses_)
            if (!found_.addresses.contains(address)) add(AddAddress{address});
        compare_daemons();
        compare_timeouts();
        return std::move(out_);
    }

  private:
    void add(Change change) { out_.changes.push_back(std::move(change)); }

    void find_foreign() {
        for (const auto& [key, service] : wanted_.services)
            if (found_.services.contains(key) && !owned_.services.contains(key))
                out_.foreign.insert(key);
            else if (key.mark == 0)
                addresses_.insert(key.address);
    }

    void remove_addresses() {
        for (const auto& address : owned_.addresses)
            if (!addresses_.contains(address) && found_.addresses.contains(address))
                add(RemoveAddress{address});
    }

    void compare(const ServiceKey& key, const WantedService& wanted) {
        auto there = found_.services.find(key);
        if (there == found_.services.end()) {
            add(AddService{key, wanted.settings});
            for (const auto& [at, settings] : wanted.destinations) add(AddDestination{key, at, settings});
            return;
        }
        const auto& found = there->second;
        if (found.settings != wanted.settings) add(EditService{key, wanted.settings});
        Ordered changes;
        for (const auto& [at, settings] : wanted.destinations) {
            auto has = found.destinations.find(at);
            if (has == found.destinations.end())
                changes.first(AddDestination{key, at, settings});
            else if (has->second.settings == settings)
                continue;
            else if (settings.weight >= has->second.settings.weight)
                changes.first(EditDestination{key, at, settings});
            else
                changes.last(EditDestination{key, at, settings});
        }
        for (const auto& [at, has] : found.destinations)
            if (!wanted.destinations.contains(at)) let_go(changes, key, at, has, wanted.cut.contains(at));
        changes.move_to(out_.changes);
    }

    void let_go(Ordered& changes, const ServiceKey& key, const net::Endpoint& at, const FoundDestination& has,
                bool at_once) {
        auto known = drains_.find({key, at});
        const auto since = known == drains_.end() ? now_ : known->second;
        if (at_once || (has.settings.weight == 0 && has.use.is_idle()) || now_ - since >= kLongestDrain)
            return changes.last(RemoveDestination{key, at});
        out_.drains.emplace(std::pair(key, at), since);
        if (has.settings.weight == 0) return;
        auto settings = has.settings;
        settings.weight = 0;
        changes.last(EditDestination{key, at, settings});
    }

    void compare_daemons() {
        for (auto role : {Role::master, Role::backup}) {
            auto want = wanted_.daemons.find(role);
            auto runs = found_.daemons.find(role);
            const bool wants = want != wanted_.daemons.end(), running = runs != found_.daemons.end();
            const bool ours = owned_.daemons.contains(role);
            if (wants && running && want->second.allows(runs->second)) continue;
            if (wants && running && !ours) {
                out_.foreign_daemons.insert(role);
                continue;
            }
            if (running && ours) add(StopDaemon{role});
            if (wants) add(StartDaemon{role, want->second});
        }
    }

    void compare_timeouts() {
        auto differs = [](const auto& want, const auto& has) { return want && want != has; };
        const auto &want = wanted_.timeouts, &has = found_.timeouts;
        if (differs(want.tcp, has.tcp) || differs(want.tcp_fin, has.tcp_fin) || differs(want.udp, has.udp))
            add(SetTimeouts{want});
    }

    const Wanted& wanted_;
    const Contents& found_;
    const Owned& owned_;
    const Drains& drains_;
    const Clock::Time now_;
    std::set<net::Ip> addresses_;  // that this host has to have
    Difference out_;
};

}  // namespace

Difference difference(const Wanted& wanted, const Contents& found, const Owned& owned, const Drains& drains,
                      Clock::Time now) {
    return Comparison(wanted, found, owned, drains, now).make();
}

Owned with_added(Owned owned, const std::vector<Change>& changes) {
    for (const auto& change : changes) {
        if (const auto* service = std::get_if<AddService>(&change)) owned.services.insert(service->key);
        if (const auto* address = std::get_if<AddAddress>(&change)) owned.addresses.insert(address->address);
        if (const auto* daemon = std::get_if<StartDaemon>(&change)) owned.daemons.insert(daemon->role);
    }
    return owned;
}

Owned without_missing(Owned owned, const Wanted& wanted, const Contents& found) {
    auto is_wanted = [&](const net::Ip& address) {
        return std::ranges::any_of(wanted.services,
                                   [&](const auto& entry) { return entry.first.address == address; });
    };
    std::erase_if(owned.services, [&](const auto& key) {
        return !found.services.contains(key) && !wanted.services.contains(key);
    });
    std::erase_if(owned.addresses, [&](const auto& address) {
        return !found.addresses.contains(address) && !is_wanted(address);
    });
    std::erase_if(owned.daemons,
                  [&](auto role) { return !found.daemons.contains(role) && !wanted.daemons.contains(role); });
    return owned;
}

}  // namespace weir::engine::ipvs
