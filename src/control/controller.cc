#include "control/controller.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>

#include "control/difference.h"
#include "control/merge.h"

namespace weir::control {
namespace {

using std::chrono::system_clock;

constexpr auto kLook = std::chrono::seconds(1);

model::HealthMap health_in(const model::Plan& plan) {
    model::HealthMap health;
    for (const auto& frontend : plan.frontends)
        for (const auto& target : frontend.targets)
            health[{frontend.key, target.backend.address}] = target.health;
    return health;
}

void log_changes(const model::Frontend& before, const model::Frontend& after) {
    for (size_t i = 0; i < after.targets.size(); ++i) {
        const auto& target = after.targets[i];
        auto is_it = [&](const model::Target& other) {
            return other.backend.address == target.backend.address;
        };
        // Most often the pool is as it was, and the place is the same.
        auto former = i < before.targets.size() && is_it(before.targets[i])
                          ? before.targets.begin() + static_cast<long>(i)
                          : std::ranges::find_if(before.targets, is_it);
        if (former == before.targets.end() || former->health.up == target.health.up) continue;
        spdlog::log(target.health.up ? spdlog::level::info : spdlog::level::warn,
                    "backend {} of {} is {}: {}", target.backend.address.text(), after.key.text(),
                    target.health.up ? "up" : "down", target.health.reason);
    }
}

/// One line for each target that came up or went down.
void log_changes(const model::Plan& before, const model::Plan& after) {
    auto former = before.frontends.begin();
    for (const auto& frontend : after.frontends) {
        while (former != before.frontends.end() && former->key < frontend.key) ++former;
        if (former != before.frontends.end() && former->key == frontend.key) log_changes(*former, frontend);
    }
}

}  // namespace

Controller::Controller(boost::asio::any_io_executor executor, engine::Engine& engine, health::Path& path,
                       model::Config config, Options options)
    : engine_(engine),
      options_(std::move(options)),
      config_(std::move(config)),
      checker_(executor, path, [this] { wake(); }),
      overrides_(options_.overrides_file),
      next_pass_(executor),
      next_tick_(executor),
      next_look_(executor),
      daemon_{WEIR_VERSION, ::getpid(), system_clock::now(), options_.config_path, options_.engine_name} {}

void Controller::start() {
    checker_.set(work_of(config_), std::exchange(options_.recovered, {}));
    reconcile();
    tick_later();
}

void Controller::wake() {
    if (pass_is_due_) return;
    pass_is_due_ = true;
    schedule(Backoff::Duration::zero());
}

void Controller::schedule(Backoff::Duration delay) {
    next_pass_.expires_after(delay);
    next_pass_.async_wait([this, alive = std::weak_ptr(alive_)](boost::system::error_code error) {
        if (!error && !alive.expired()) reconcile();
    });
}

model::HealthMap Controller::merged() const {
    return merge(checker_.checked(), engine_.unreachable());
}

model::Plan Controller::make_plan() {
    auto health = merged();
    auto plan = model::plan(config_, health, restraint_.allowances(), overrides_.all());
    auto former = restraint_.allowances();
    restraint_.look(config_, plan, options_.now());
    if (restraint_.allowances() == former) return plan;
    return model::plan(config_, health, restraint_.allowances(), overrides_.all());
}

void Controller::tick_later() {
    if (!Restraint::ticks(config_)) {
        next_tick_.cancel();
        return;
    }
    next_tick_.expires_after(std::chrono::seconds(1));
    next_tick_.async_wait([this, alive = std::weak_ptr(alive_)](boost::system::error_code error) {
        if (error || alive.expired()) return;
        tick();
        tick_later();
    });
}

void Controller::tick() {
    Loads flows;
    if (Restraint::wants_loads(config_))
        for (const auto& [target, traffic] : engine_.observe().targets)
            flows.emplace(target, static_cast<double>(traffic.flows_active));
    auto former = restraint_.allowances();
    restraint_.tick(config_, *wanted_, flows, flows, options_.now());
    if (restraint_.allowances() != former) reconcile();
}

void Controller::reconcile() {
    pass_is_due_ = false;
    auto former = std::exchange(wanted_, std::make_shared<const model::Plan>(make_plan()));
    log_changes(*former, *wanted_);
    if (!applied_ || !same_programming(*applied_, *wanted_)) {
        if (auto done = engine_.apply(*wanted_); !done) return failed(done.error());
        ++applying_.number;
        applying_.applied_at = system_clock::now();
        spdlog::info("plan {} is in force: {} frontends", applying_.number, wanted_->frontends.size());
    }
    applied_ = wanted_;
    applying_.error.clear();
    options_.retry.reset();
    announce();
    follow_drains();
}

std::string Controller::set_override(const model::OverrideKey& key, const Wish& wish, const std::string& by) {
    overrides_.set(key, wish, by, options_.wall_clock());
    spdlog::info("override of {}: {}, by {}", text_of(key), text_of(wish), by);
    reconcile();
    return applying_.error;
}

std::optional<std::string> Controller::lift_override(const model::OverrideKey& key) {
    if (!overrides_.lift(key)) return std::nullopt;
    spdlog::info("the override of {} is lifted", text_of(key));
    reconcile();
    return applying_.error;
}

/// Looks once a second while a drain is under way, or something is to be saved. Not before the plan is in
/// force: until then new flows may come.
void Controller::follow_drains() {
    if (!applying_.error.empty()) return;
    look_after_drains();
    if (!under_way(overrides_.all(), drains_) && overrides_.is_saved()) return;
    next_look_.expires_after(kLook);
    next_look_.async_wait([this, alive = std::weak_ptr(alive_)](boost::system::error_code error) {
        if (!error && !alive.expired()) follow_drains();
    });
}

void Controller::look_after_drains() {
    if (!overrides_.is_saved()) overrides_.save();
    if (!under_way(overrides_.all(), drains_)) return;
    auto ended = drains_.look(overrides_.all(), *applied_, engine_.observe(), options_.wall_clock());
    for (const auto& key : ended.drained) spdlog::info("{} is drained", text_of(key));
    for (const auto& [key, flows] : ended.expired) {
        spdlog::warn("the deadline of {}'s drain has passed: {} flows are cut off", text_of(key), flows);
        overrides_.expire(key, flows);
    }
    if (!ended.expired.empty()) wake();
}

/// Not before the datapath answers for them.
void Controller::announce() {
    if (!options_.announcer) return;
    std::vector<std::string> attached;
    if (std::ranges::any_of(applied_->frontends, &model::Frontend::announce_arp))
        for (const auto& interface : engine_.observe().interfaces)
            if (!interface.mode.empty()) attached.push_back(interface.name);
    options_.announcer->announce(*applied_, attached);
}

void Controller::failed(const Error& error) {
    auto delay = options_.retry.next();
    ++applying_.failures_total;
    applying_.error = error.message;
    spdlog::error("cannot apply the plan, next try in {} ms: {}", delay.count(), error.message);
    schedule(delay);
}

Reloaded Controller::reload() {
    reloads_.last_at = system_clock::now();
    auto loaded = options_.load();
    if (!loaded) {
        ++reloads_.refused_total;
        reloads_.last_error = config::describe(options_.config_path, loaded.error());
        if (reloads_.last_error.ends_with('\n')) reloads_.last_error.pop_back();
        spdlog::error("reload refused, the running configuration stays:\n{}", reloads_.last_error);
        return {std::move(loaded.error()), ""};
    }
    ++reloads_.accepted_total;
    reloads_.last_error.clear();
    config_ = std::move(*loaded);
    spdlog::info("reloaded {}", options_.config_path);
    checker_.set(work_of(config_));
    reconcile();
    tick_later();
    if (options_.on_config) options_.on_config(config_);
    return {{}, applying_.error};
}

StatusReport Controller::status() {
    auto seen = engine_.observe();
    // Not wanted_: the reasons may be newer, without that a target went up or down.
    auto now = model::plan(config_, merged(), restraint_.allowances(), overrides_.all());
    auto backends = backend_rows(now, seen.targets, checker_.checked());
    mark_overridden(backends, config_, overrides_.all());
    auto overridden = override_rows(overrides_.all(), drains_, now, seen);
    return {daemon_,
            reloads_,
            applying_,
            std::move(seen.interfaces),
            seen.flow_table,
            std::move(seen.not_forwarded),
            std::move(seen.claims),
            service_rows(config_, now),
            std::move(backends),
            std::move(overridden),
            {overrides_.problem(), overrides_.is_saved(), overrides_.save_failures_total()}};
}

model::HealthMap Controller::health() const {
    return health_in(*wanted_);
}

}  // namespace weir::control
