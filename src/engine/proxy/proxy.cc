#include "engine/proxy/proxy.h"

#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <future>

#include "engine/probe_socket.h"
#include "engine/proxy/chooser.h"
#include "engine/proxy/transparent_rules.h"
#include "engine/proxy/vip_routes.h"

namespace weir::engine::proxy {
namespace {

constexpr auto kBetweenTries = std::chrono::seconds(3);
constexpr uint64_t kOtherDescriptors = 256;  // checks, the API, discovery
constexpr uint64_t kPerConnection = 2;       // a pipe is had for bulk alone, and given back

/// As many as descriptors allow.
uint64_t most_connections(const model::ProxyEngine& settings) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const uint64_t room =
        limit.rlim_cur > 2 * kOtherDescriptors ? limit.rlim_cur - kOtherDescriptors : limit.rlim_cur / 2;
    const uint64_t possible = room / kPerConnection;
    return settings.max_connections == 0 ? possible : std::min<uint64_t>(settings.max_connections, possible);
}

const model::Target* target_of(const model::Frontend& frontend, const net::Ip& backend) {
    auto found = std::ranges::find(frontend.targets, backend,
                                   [](const auto& target) { return target.backend.address; });
    return found == frontend.targets.end() ? nullptr : &*found;
}

Traffic traffic_of(const Tallies& tallies) {
    Traffic traffic;
    for (const auto& each : tallies.by_worker) {
        traffic.flows_active += each.active.load(std::memory_order_relaxed);
        traffic.flows_total += each.total.load(std::memory_order_relaxed);
        traffic.packets_total += each.in_packets.load(std::memory_order_relaxed);
        traffic.bytes_total += each.in_bytes.load(std::memory_order_relaxed);
    }
    return traffic;
}

std::set<net::Ip> vips_of(const model::Plan& plan) {
    std::set<net::Ip> vips;
    for (const auto& frontend : plan.frontends)
        if (frontend.engine == model::EngineKind::proxy) vips.insert(frontend.key.vip);
    return vips;
}

std::set<AnsweredBy> transparent_backends(const model::Plan& plan) {
    std::set<AnsweredBy> backends;
    for (const auto& frontend : plan.frontends)
        if (frontend.proxy && frontend.proxy->transparent)
            for (const auto& target : frontend.targets)
                backends.insert({{target.backend.address,
                                  model::port_behind(frontend.key, target.backend, frontend.key.port)},
                                 frontend.key.protocol});
    return backends;
}

}  // namespace

Result<std::unique_ptr<Proxy>> Proxy::open(const boost::asio::any_io_executor& executor, Clock& clock,
                                           const model::ProxyEngine& settings,
                                           std::function<void()> on_change) {
    std::unique_ptr<Proxy> proxy(new Proxy(executor, clock, std::move(on_change)));
    if (auto started = proxy->start_workers(settings); !started) return propagate(started);
    return proxy;
}

Proxy::Proxy(boost::asio::any_io_executor executor, Clock& clock, std::function<void()> on_change)
    : executor_(std::move(executor)), clock_(clock), on_change_(std::move(on_change)) {
    shared_.on_failure = [this, alive = std::weak_ptr(alive_)] {
        if (look_is_due_.exchange(true)) return;
        boost::asio::post(executor_, [this, alive] {
            if (!alive.expired()) look_at_failures();
        });
    };
}

Proxy::~Proxy() {
    workers_.clear();
    if (auto gone = clean_up(); !gone) spdlog::warn("{}", gone.error().message);
}

Status Proxy::start_workers(const model::ProxyEngine& settings) {
    const size_t count =
        settings.workers != 0 ? settings.workers : std::max(1u, std::thread::hardware_concurrency());
    snapshots_ = std::make_unique<Snapshots>(count);
    for (size_t i = 0; i < count; ++i) {
        auto worker = Worker::start(i, shared_);
        if (!worker) return propagate(worker);
        workers_.push_back(std::move(*worker));
    }
    return {};
}

Status Proxy::apply(const model::Plan& plan) {
    if (auto done = set_vip_routes(vips_of(plan)); !done) return done;
    if (auto done = set_transparent_rules(transparent_backends(plan)); !done) return done;
    if (plan.proxy.workers != plan_.proxy.workers && snapshot_)
        spdlog::warn("proxy: {} workers go on: another number of them takes a restart", workers_.size());
    plan_ = plan;
    shared_.max_connections = most_connections(plan.proxy);
    shared_.pipe_size = plan.proxy.pipe_size;
    publish();
    return {};
}

/// All workers at once; waits for the last of them.
void Proxy::publish() {
    std::set<model::TargetKey> shunned;
    for (const auto& [target, until] : shunned_) shunned.insert(target);
    snapshot_ = snapshots_->snapshot(plan_, shunned);
    snapshots_->forget(*snapshot_);
    std::vector<std::future<Deaf>> answers;
    for (auto& worker : workers_) {
        auto answer = std::make_shared<std::promise<Deaf>>();
        answers.push_back(answer->get_future());
        worker->set(snapshot_, [answer](Deaf deaf) { answer->set_value(std::move(deaf)); });
    }
    deaf_.clear();
    for (auto& answer : answers) deaf_.merge(answer.get());
    settle();
    look_later();
}

/// Who is reached, and what is said of those who are not.
void Proxy::settle() {
    std::map<model::TargetKey, std::string> now;
    for (const auto& [key, why] : deaf_)
        if (const auto* frontend = find(key))
            for (const auto& target : frontend->targets)
                now.emplace(model::TargetKey{key, target.backend.address}, why);
    for (const auto& [target, until] : shunned_)
        now.emplace(target, fmt::format("{} connections in a row failed", kFailures));
    if (now == unreachable_) return;
    unreachable_ = std::move(now);
    tell_later();
}

void Proxy::tell_later() {
    boost::asio::post(executor_, [this, alive = std::weak_ptr(alive_)] {
        if (!alive.expired()) on_change_();
    });
}

void Proxy::look_at_failures() {
    look_is_due_ = false;
    bool changed = false;
    for (const auto& [target, tallies] : snapshots_->targets()) {
        const auto* frontend = find(target.frontend);
        if (!frontend || !target_of(*frontend, target.backend) || shunned_.contains(target)) continue;
        auto failed = [](const Tally& each) { return each.in_a_row >= kFailures; };
        if (std::ranges::none_of(tallies->by_worker, failed)) continue;
        shunned_.emplace(target, clock_.now() + kShunned);
        for (auto& each : tallies->by_worker)
            each.in_a_row = std::min<uint64_t>(each.in_a_row, kFailures - 1);
        changed = true;
    }
    if (changed) publish();
}

void Proxy::look_later() {
    std::optional<Clock::Time> due;
    if (!deaf_.empty()) due = clock_.now() + kBetweenTries;
    for (const auto& [target, until] : shunned_) due = due ? std::min(*due, until) : until;
    next_look_ = due ? clock_.at(*due,
                                 [this] {
                                     std::erase_if(shunned_, [&](const auto& entry) {
                                         return entry.second <= clock_.now();
                                     });
                                     publish();
                                 })
                     : nullptr;
}

const model::Frontend* Proxy::find(const model::FrontendKey& key) const {
    auto found = std::ranges::lower_bound(plan_.frontends, key, {}, &model::Frontend::key);
    const bool ours =
        found != plan_.frontends.end() && found->key == key && found->engine == model::EngineKind::proxy;
    return ours ? &*found : nullptr;
}

Observation Proxy::observe() {
    std::vector<model::TargetKey> all;
    for (const auto& frontend : plan_.frontends)
        if (frontend.engine == model::EngineKind::proxy)
            for (const auto& target : frontend.targets) all.push_back({frontend.key, target.backend.address});
    return observe(all);
}

Observation Proxy::observe(const std::vector<model::TargetKey>& targets) {
    Observation observation;
    for (const auto& key : targets) {
        const auto* tallies = snapshots_->of(key);
        auto& traffic = observation.targets[key] = tallies ? traffic_of(*tallies) : Traffic();
        (key.frontend.protocol == model::Protocol::udp ? traffic.flows.datagram : traffic.flows.established) =
            traffic.flows_active;
        observation.flow_table.flows += traffic.flows;
    }
    for (size_t i = 0; i < kReasons; ++i)
        observation.not_forwarded.push_back(
            {std::string(to_text(static_cast<Reason>(i))), "reply", shared_.refused[i].load()});
    observation.flow_table.capacity = shared_.max_connections;
    observation.flow_table.used = shared_.connections;
    observation.flow_table.counts_total = ++counts_;  // they are counted as they come and go
    return observation;
}

Result<Verdict> Proxy::trace(const Flow& flow) {
    const auto* frontend = find(flow.frontend);
    if (!frontend || !snapshot_) return Verdict{"pass", {}, "no_service"};
    auto by_key = [](const auto& route) -> const model::FrontendKey& { return route->key; };
    auto route = std::ranges::lower_bound(snapshot_->routes, flow.frontend, {}, by_key);
    if (route == snapshot_->routes.end() || (*route)->key != flow.frontend)
        return Verdict{"pass", {}, "no_service"};
    auto place = Chooser(0).choose(**route, flow.source, {});
    if (!place) return Verdict{"reply", {}, Chooser::is_full(**route, {}) ? "backends_full" : "no_backend"};
    if ((*route)->table) return Verdict{"forward", (*route)->targets[*place].backend.address, "scheduler"};
    return Verdict{"forward",
                   {},
                   fmt::format("scheduler: any backend's turn, by {}", model::to_text((*route)->scheduler))};
}

net::Opened Proxy::open_passage(const model::TargetKey& key, net::Carrier carrier, net::Port port) {
    const auto* frontend = find(key.frontend);
    if (!frontend) return fail("{} is not in the plan", key.frontend.text());
    const auto* target = target_of(*frontend, key.backend);
    if (!target) return fail("{} has no backend {}", key.frontend.text(), key.backend.text());
    if (auto why = deaf_.find(key.frontend); why != deaf_.end()) return fail("{}", why->second);
    return open_directly(carrier, {key.backend, model::port_behind(key.frontend, target->backend, port)});
}

Status clean_up() {
    auto routes = set_vip_routes({});
    auto rules = set_transparent_rules({});
    return routes ? rules : routes;
}

}  // namespace weir::engine::proxy
