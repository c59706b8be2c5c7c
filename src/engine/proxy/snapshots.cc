#include "engine/proxy/snapshots.h"

#include <algorithm>

#include "sched/candidates.h"

namespace weir::engine::proxy {
namespace {

bool has_table(model::SchedulerKind kind) {
    return kind == model::SchedulerKind::maglev || kind == model::SchedulerKind::rendezvous;
}

/// The value of a key, made if it is not there.
template <class Map, class... Args>
auto& obtain(Map& map, const typename Map::key_type& key, const Args&... args) {
    auto& found = map[key];
    if (!found) found = std::make_shared<typename Map::mapped_type::element_type>(args...);
    return found;
}

}  // namespace

std::shared_ptr<const Snapshots::Table> Snapshots::table(const model::Scheduler& scheduler,
                                                         std::vector<sched::Candidate> candidates,
                                                         std::vector<uint32_t> places) {
    TableKey key(scheduler, std::move(candidates), std::move(places));
    auto& kept = tables_[key];
    if (auto known = kept.lock()) return known;
    auto built = sched::build_table(scheduler, std::get<1>(key));
    for (auto& entry : built) entry = std::get<2>(key)[entry];
    auto made = std::make_shared<const Table>(std::move(built));
    kept = made;
    return made;
}

std::shared_ptr<const Route> Snapshots::route(const model::Frontend& frontend,
                                              const std::set<model::TargetKey>& shunned) {
    auto route = std::make_shared<Route>();
    route->key = frontend.key;
    route->service = frontend.service;
    route->settings = frontend.proxy.value_or(model::Proxy());
    route->scheduler = frontend.scheduler.kind;
    route->sticky = frontend.sticky;
    route->tallies = obtain(frontends_, frontend.key, workers_);
    route->budget = obtain(budgets_, frontend.service);
    std::vector<const model::Target*> takers;
    std::vector<uint32_t> places;
    for (const auto& target : frontend.targets) {
        const model::TargetKey key{frontend.key, target.backend.address};
        const auto port = model::port_behind(frontend.key, target.backend, frontend.key.port);
        if (target.accepts == model::Accepts::all && !shunned.contains(key)) {
            takers.push_back(&target);
            places.push_back(static_cast<uint32_t>(route->targets.size()));
        }
        route->targets.push_back({.backend = {target.backend.address, port},
                                  .keeps = target.backend.state != model::AdminState::disabled,
                                  .max_connections = target.backend.max_connections,
                                  .tallies = obtain(targets_, key, workers_)});
    }
    auto candidates = sched::weighed(takers);
    for (size_t i = 0; i < places.size(); ++i) route->targets[places[i]].weight = candidates[i].weight;
    if (has_table(route->scheduler))
        route->table = table(frontend.scheduler, std::move(candidates), std::move(places));
    return route;
}

std::shared_ptr<const Snapshot> Snapshots::snapshot(const model::Plan& plan,
                                                    const std::set<model::TargetKey>& shunned) {
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->number = ++number_;
    snapshot->settings = plan.proxy;
    for (const auto& frontend : plan.frontends)
        if (frontend.engine == model::EngineKind::proxy) snapshot->routes.push_back(route(frontend, shunned));
    for (const auto& route : snapshot->routes) {
        route->budget->to_backends.set(route->settings.bandwidth);
        route->budget->to_clients.set(route->settings.bandwidth);
    }
    return snapshot;
}

const Tallies* Snapshots::of(const model::TargetKey& target) const {
    auto found = targets_.find(target);
    return found == targets_.end() ? nullptr : found->second.get();
}

void Snapshots::forget(const Snapshot& present) {
    std::set<const Tallies*> used;
    std::set<std::string_view> services;
    for (const auto& route : present.routes) {
        used.insert(route->tallies.get());
        services.insert(route->service);
        for (const auto& target : route->targets) used.insert(target.tallies.get());
    }
    auto unused = [&](const auto& entry) {
        return !used.contains(entry.second.get()) && entry.second->active() == 0;
    };
    std::erase_if(targets_, unused);
    std::erase_if(frontends_, unused);
    std::erase_if(budgets_, [&](const auto& entry) { return !services.contains(entry.first); });
    std::erase_if(tables_, [](const auto& entry) { return entry.second.expired(); });
}

}  // namespace weir::engine::proxy
