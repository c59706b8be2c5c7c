#include "engine/ipvs/ipvs.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/post.hpp>

#include "engine/ipvs/linux_kernel.h"
#include "engine/probe_socket.h"

namespace weir::engine::ipvs {
namespace {

constexpr auto kBetweenLooks = std::chrono::seconds(3);
constexpr auto kFresh = std::chrono::seconds(1);  // the kernel adds its counters up every two

const model::Target* target_of(const model::Frontend& frontend, const net::Ip& backend) {
    auto found = std::ranges::find(frontend.targets, backend,
                                   [](const auto& target) { return target.backend.address; });
    return found == frontend.targets.end() ? nullptr : &*found;
}

/// The destination of a frontend's in the kernel; nullptr where it is not there.
const FoundDestination* destination_in(const Contents& contents, const model::Frontend& frontend,
                                       const model::Backend& backend) {
    auto key = service_key(frontend.key);
    if (!key) return nullptr;
    auto service = contents.services.find(*key);
    if (service == contents.services.end()) return nullptr;
    auto destination = service->second.destinations.find(destination_of(frontend, backend));
    return destination == service->second.destinations.end() ? nullptr : &destination->second;
}

/// The way back from service_key().
model::FrontendKey frontend_key(const ServiceKey& key) {
    if (key.mark != 0) return model::FrontendKey::of({key.mark, key.family()});
    model::FrontendKey out{key.address, key.port, static_cast<model::Protocol>(key.protocol)};
    if (key.port.value() == 0) out.more_ports = 0xffff;
    return out;
}

}  // namespace

Result<std::unique_ptr<Ipvs>> Ipvs::open(const boost::asio::any_io_executor& executor, Clock& clock,
                                         std::string state_file, std::function<void()> on_change) {
    auto kernel = open_linux_kernel();
    if (!kernel) return propagate(kernel, "IPVS");
    return std::make_unique<Ipvs>(executor, clock, std::move(*kernel),
                                  Record(std::move(state_file), this_boot()), std::move(on_change));
}

Ipvs::Ipvs(boost::asio::any_io_executor executor, Clock& clock, std::unique_ptr<Kernel> kernel, Record record,
           std::function<void()> on_change)
    : executor_(std::move(executor)),
      clock_(clock),
      agreement_(clock, std::move(kernel), std::move(record)),
      on_change_(std::move(on_change)) {}

Status Ipvs::apply(const model::Plan& plan) {
    auto former = std::exchange(plan_, plan);
    auto done = reconcile(Agreement::Occasion::plan);
    if (!done) plan_ = std::move(former);
    totals_.forget([&](const auto& key) {
        const auto* frontend = find(key.frontend);
        return !frontend || !target_of(*frontend, key.backend);
    });
    look_later();
    return done;
}

bool Ipvs::has_work() const {
    return plan_.ipvs_sync || plan_.ipvs_timeouts || !agreement_.owned().empty() ||
           std::ranges::any_of(plan_.frontends, [](const auto& frontend) {
               return frontend.engine == model::EngineKind::ipvs;
           });
}

/// A target that the kernel refuses counts as down, so nothing may go there. It is tried all the same,
/// without new connections: else nobody would learn that the kernel takes it by now.
bool Ipvs::is_refused(const model::TargetKey& target) const {
    const auto* frontend = find(target.frontend);
    const auto* found = frontend ? target_of(*frontend, target.backend) : nullptr;
    auto key = service_key(target.frontend);
    return found && key &&
           agreement_.refusals().destinations.contains({*key, destination_of(*frontend, found->backend)});
}

Status Ipvs::reconcile(Agreement::Occasion occasion) {
    if (!has_work()) {
        set_unreachable({});
        return {};
    }
    if (auto read = agreement_.read(); !read) {
        set_unreachable(all_targets(plan_, read.error().message));
        return {};
    }
    count();
    const auto wanted = wanted_of(plan_, [this](const auto& target) { return is_refused(target); });
    if (auto done = agreement_.reach(wanted, occasion); !done) return done;
    set_unreachable(unreachable_targets(plan_, wanted, agreement_.contents(), agreement_.foreign(),
                                        agreement_.refusals()));
    return {};
}

void Ipvs::set_unreachable(std::map<model::TargetKey, std::string> now) {
    if (now == unreachable_) return;
    unreachable_ = std::move(now);
    boost::asio::post(executor_, [this, alive = std::weak_ptr(alive_)] {
        if (!alive.expired()) on_change_();
    });
}

void Ipvs::look_later() {
    next_look_ = has_work() ? clock_.after(kBetweenLooks, [this] { look(); }) : nullptr;
}

void Ipvs::look() {
    if (auto done = reconcile(Agreement::Occasion::look); !done) spdlog::error("{}", done.error().message);
    look_later();
}

void Ipvs::count() {
    for (const auto& frontend : plan_.frontends) {
        if (frontend.engine != model::EngineKind::ipvs) continue;
        for (const auto& target : frontend.targets) {
            const auto* found = destination_in(agreement_.contents(), frontend, target.backend);
            totals_.note({frontend.key, target.backend.address}, found ? found->use : Use());
        }
    }
}

Observation Ipvs::observe() {
    std::vector<model::TargetKey> all;
    for (const auto& frontend : plan_.frontends)
        if (frontend.engine == model::EngineKind::ipvs)
            for (const auto& target : frontend.targets) all.push_back({frontend.key, target.backend.address});
    return observe(all);
}

Observation Ipvs::observe(const std::vector<model::TargetKey>& targets) {
    if (!targets.empty()) {
        agreement_.read_if_older(kFresh);
        count();
    }
    Observation observation;
    observation.flow_table.counts_total = agreement_.readings();  // drains wait for them
    for (const auto& target : targets) observation.targets.emplace(target, totals_.of(target));
    return observation;
}

const model::Frontend* Ipvs::find(const model::FrontendKey& key) const {
    auto found = std::ranges::lower_bound(plan_.frontends, key, {}, &model::Frontend::key);
    const bool ours =
        found != plan_.frontends.end() && found->key == key && found->engine == model::EngineKind::ipvs;
    return ours ? &*found : nullptr;
}

Result<Verdict> Ipvs::trace(const Flow& flow) {
    const auto* frontend = find(flow.frontend);
    if (!frontend) return Verdict{"pass", {}, "no_service"};
    if (flow.source.address.family() != flow.frontend.vip.family())
        return fail("{} and {} are of different families", flow.source.address.text(),
                    flow.frontend.vip_text());
    agreement_.read_if_older(kFresh);
    auto known = agreement_.find_connection(flow);
    if (!known) return propagate(known);
    if (*known) return Verdict{"forward", (*known)->address, "flow table"};
    std::vector<net::Ip> takers;
    for (const auto& target : frontend->targets)
        if (const auto* found = destination_in(agreement_.contents(), *frontend, target.backend);
            found && found->settings.weight > 0)
            takers.push_back(target.backend.address);
    if (takers.empty()) return Verdict{"reply", {}, "no_backend"};
    const auto scheduler = frontend->ipvs.value_or(model::Ipvs()).scheduler;
    if (takers.size() == 1) return Verdict{"forward", takers.front(), "scheduler"};
    return Verdict{"forward", {}, fmt::format("scheduler: the kernel decides, by {}", scheduler)};
}

net::Opened Ipvs::open_passage(const model::TargetKey& key, net::Carrier carrier, net::Port port) {
    const auto* frontend = find(key.frontend);
    if (!frontend) return fail("{} is not in the plan", key.frontend.text());
    const auto* target = target_of(*frontend, key.backend);
    if (!target) return fail("{} has no backend {}", key.frontend.text(), key.backend.text());
    if (auto why = unreachable_.find(key); why != unreachable_.end()) return fail("{}", why->second);
    const bool translates = frontend->forward.kind == model::ForwardKind::nat;
    return open_directly(
        carrier, {key.backend, translates ? model::port_behind(key.frontend, target->backend, port) : port});
}

model::HealthMap Ipvs::recovered() {
    model::HealthMap health;
    agreement_.read_if_older(kFresh);
    for (const auto& key : agreement_.owned().services) {
        auto service = agreement_.contents().services.find(key);
        if (service == agreement_.contents().services.end()) continue;
        for (const auto& [at, destination] : service->second.destinations)
            health.emplace(model::TargetKey{frontend_key(key), at.address},
                           model::Health{true, "up before the restart"});
    }
    return health;
}

Status clean_up(const std::string& state_file) {
    auto kernel = open_linux_kernel();
    if (!kernel) return propagate(kernel, "IPVS");
    return clean_up(**kernel, Record(state_file, this_boot()));
}

Status clean_up(Kernel& kernel, Record record) {
    auto owned = record.load();
    if (!owned) return propagate(owned);
    if (owned->empty()) return record.remove();
    auto contents = kernel.read();
    if (!contents) return propagate(contents);
    for (const auto& change : difference({}, *contents, *owned, {}, {}).changes)
        if (auto done = kernel.make(change); !done) return done;
    return record.remove();
}

}  // namespace weir::engine::ipvs
