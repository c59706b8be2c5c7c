#include "control/controller.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "control/difference.h"
#include "control/health_file.h"
#include "control/merge.h"
#include "control/remaining.h"

namespace weir::control {
namespace {

using std::chrono::system_clock;

constexpr auto kLook = std::chrono::seconds(1);
constexpr size_t kServicesAtOnce = 16;  // of those that checks have changed: probes must not wait for long
constexpr auto kLesson = std::chrono::milliseconds(200);

model::HealthMap health_in(const model::Plan& plan) {
    model::HealthMap health;
    for (const auto& frontend : plan.frontends)
        for (const auto& target : frontend.targets)
            health[{frontend.key, target.backend.address}] = target.health;
    return health;
}

}  // namespace

Controller::Controller(const boost::asio::any_io_executor& executor, Clock& clock, engine::Engine& engine,
                       health::Path& path, model::Config config, Options options)
    : clock_(clock),
      engine_(engine),
      options_(std::move(options)),
      events_(std::make_shared<Events>(options_.wall_clock())),
      declared_(std::move(config)),
      supply_(executor, clock,
              {.kinds = options_.source_kinds,
               .file = options_.supply_file,
               .wall_clock = options_.wall_clock,
               .tell = [this](Event event) { tell(std::move(event)); },
               .on_change =
                   [this](const std::string& pool) {
                       stale_pools_.insert(pool);
                       pass_soon();
                   }}),
      config_(declared_),
      checker_(executor, clock, path, [this] { pass_soon(); }),
      overrides_(options_.overrides_file),
      presence_(options_.recovered.empty(), clock_.now()),
      follow_(options_.retry),
      daemon_{WEIR_VERSION, ::getpid(), system_clock::now(), options_.config_path, ""} {}

void Controller::tell(Event event) {
    const auto& added = events_->add(std::move(event), options_.wall_clock());
    if (options_.herald) options_.herald->tell(added);
}

void Controller::start() {
    if (options_.herald) options_.herald->set(declared_);
    supply_.set(declared_);
    take_in(fill(declared_, supply_.supplies()));
    tell({EventKind::started, fmt::format("weir {} has started, process {}, with {}", daemon_.version,
                                          daemon_.pid, options_.config_path)});
    auto recovered = std::exchange(options_.recovered, {});
    Result<Legacy> left;
    if (!options_.health_file.empty()) left = HealthFile(options_.health_file).take(options_.wall_clock());
    if (!left) spdlog::warn("{}", left.error().message);
    auto legacy = left.value_or(Legacy{});
    checker_.set(work_of(config_), recovered, legacy.checks);
    if (Restraint::ticks(config_)) restraint_.resume(recovered, legacy.holds, clock_.now());
    hand_out_config();
    reconcile();
    if (options_.herald)
        for (const auto& event : standing(*wanted_, recovered)) options_.herald->assume(event);
    tick_later();
}

/// Before the plan, so that announcers know whom to tell.
void Controller::hand_out_config() {
    auto followed = options_.on_config ? options_.on_config(config_) : Status();
    auto former = std::exchange(not_followed_, followed ? "" : followed.error().message);
    if (followed) {
        follow_.reset();
        next_follow_.reset();
        return;
    }
    if (former != not_followed_) spdlog::error("{}", not_followed_);
    next_follow_ = clock_.after(follow_.next(), [this] { hand_out_config(); });
}

void Controller::wake() {
    all_is_stale_ = true;
    pass_soon();
}

void Controller::pass_soon() {
    if (std::exchange(pass_is_due_, true)) return;
    schedule(rest_.left(clock_.now()));
}

void Controller::schedule(Rest::Duration delay) {
    next_pass_ = clock_.after(delay, [this] { pass(); });
}

/// Of many services that have changed some have their turn, then the probes, then the next ones.
void Controller::pass() {
    pass_is_due_ = false;
    auto began = clock_.now();
    if (!stale_pools_.empty()) resupply();
    note_checks();
    reconcile(stale_services_.take(kServicesAtOnce));
    rest_.after(began, clock_.now());
    if (!stale_services_.empty() && applying_.error.empty()) pass_soon();
}

model::HealthMap Controller::merged() const {
    return merge(checker_.checked(), engine_.unreachable());
}

/// Of some services only: as of all, but no more than the wanted plan's targets of theirs.
model::HealthMap Controller::merged(const std::set<std::string>& services) const {
    std::map<model::TargetKey, health::Checked> checked;
    std::map<model::TargetKey, std::string> unreachable;
    for (const auto& frontend : wanted_->frontends) {
        if (!services.contains(frontend.service)) continue;
        for (const auto& target : frontend.targets) {
            model::TargetKey key{frontend.key, target.backend.address};
            if (auto found = checker_.checked(key)) checked.emplace(key, std::move(*found));
            auto lost = engine_.unreachable().find(key);
            if (lost != engine_.unreachable().end()) unreachable.insert(*lost);
        }
    }
    return merge(checked, unreachable);
}

/// Whether or not that is possible, the rest of the configuration stays in force.
void Controller::take_in(Filled filled) {
    left_out_ = std::move(filled.left_out);
    auto possible = options_.possible(filled.config);
    auto why = possible ? "" : "what sources have found is not used: " + possible.error().message;
    if (std::exchange(not_supplied_, why) != why && !possible) tell({EventKind::source_held, not_supplied_});
    if (possible) config_ = std::move(filled.config);
}

/// Sources have found something else.
void Controller::resupply() {
    take_in(fill(declared_, supply_.supplies()));
    checker_.set(work_of(config_), health());
    for (const auto& pool : std::exchange(stale_pools_, {}))
        for (const auto& [name, service] : config_.services)
            if (auto pools = model::pools_of(service); std::ranges::find(pools, pool) != pools.end())
                stale_services_.add(name);
}

void Controller::note_checks() {
    for (const auto& target : checker_.take_changed()) {
        auto found = std::ranges::lower_bound(wanted_->frontends, target.frontend, {}, &model::Frontend::key);
        if (found != wanted_->frontends.end() && found->key == target.frontend)
            stale_services_.add(found->service);
    }
}

/// Most changes are one target's: only its services are planned anew then.
model::Plan Controller::make_plan(const std::set<std::string>& services) {
    // What holds targets back goes by the whole plan.
    bool all = std::exchange(all_is_stale_, false) || Restraint::ticks(config_);
    if (!all) return model::replan(*wanted_, services, config_, merged(services), {}, overrides_.all());
    note_checks();
    stale_services_.take(SIZE_MAX);
    return plan_all();
}

model::Plan Controller::plan_all() {
    auto health = merged();
    auto plan = model::plan(config_, health, restraint_.allowances(), overrides_.all());
    auto former = restraint_.allowances();
    restraint_.look(config_, plan, clock_.now());
    if (restraint_.allowances() != former)
        plan = model::plan(config_, health, restraint_.allowances(), overrides_.all());
    keep_what_is_same(*wanted_, plan);
    return plan;
}

void Controller::tick_later() {
    if (!Restraint::ticks(config_)) {
        next_tick_.reset();
        return;
    }
    next_tick_ = clock_.after(std::chrono::seconds(1), [this] {
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
    restraint_.tick(config_, *wanted_, flows, flows, clock_.now());
    if (restraint_.allowances() != former) reconcile({}, true);
}

void Controller::reconcile(const std::set<std::string>& services, bool by_time) {
    auto began = clock_.now();
    auto plan = make_plan(services);
    Presence::Learnt learnt;
    if (presence_.is_learning()) learnt = {checker_.settled(), options_.knows_flows()};
    plan.silent = !presence_.may_announce(config_.announcing, learnt, clock_.now());
    plan.stands_by = options_.stands_by(!plan.silent);
    if (presence_.is_learning()) learn_on();
    auto former = std::exchange(wanted_, std::make_shared<const model::Plan>(std::move(plan)));
    for (auto& change : changes(*former, *wanted_)) tell(std::move(change));
    look_at_certificates();
    if (auto left = applied_ ? remaining(*applied_, *wanted_) : std::nullopt) announce(*left);
    bool news = !applying_.error.empty();
    if (!applied_ || !same_programming(*applied_, *wanted_)) {
        if (auto done = engine_.apply(*wanted_); !done) {
            keep_part();
            return failed(done.error());
        }
        news = true;
        ++applying_.number;
        applying_.applied_at = system_clock::now();
        applying_.took = clock_.now() - began;
        auto text =
            fmt::format("plan {} is in force: {} frontends", applying_.number, wanted_->frontends.size());
        if (by_time)
            spdlog::debug("{}", text);
        else
            tell({EventKind::plan_applied, std::move(text)});
    }
    applied_ = wanted_;
    applying_.error.clear();
    options_.retry.reset();
    if (news && options_.on_applied) options_.on_applied();
    announce(*applied_);
    follow_drains();
}

/// Of several engines one may have failed: what the others do is in force, and is told of.
void Controller::keep_part() {
    auto is_in_force = [this](model::EngineKind kind) { return engine_.is_in_force(kind); };
    using enum model::EngineKind;
    if (std::ranges::none_of(std::array{xdp, ipvs, proxy}, is_in_force)) return;
    applied_ = std::make_shared<const model::Plan>(partly(applied_.get(), *wanted_, is_in_force));
    announce(*applied_);
}

/// Nobody tells when the last check has had its say, or the flows are known.
void Controller::learn_on() {
    next_lesson_ = clock_.after(kLesson, [this] { pass_soon(); });
}

void Controller::withdraw() {
    presence_.withdraw();
    reconcile();
}

void Controller::save() {
    supply_.save();
    const Legacy legacy{checker_.memory(), restraint_.holds(clock_.now())};
    if (options_.health_file.empty() || legacy == Legacy{}) return;
    if (auto saved = HealthFile(options_.health_file).save(legacy, options_.wall_clock()); !saved)
        spdlog::warn("what the checks have seen is not saved: {}", saved.error().message);
}

std::string Controller::set_override(const model::OverrideKey& key, const Wish& wish, const std::string& by) {
    overrides_.set(key, wish, by, options_.wall_clock());
    tell({EventKind::override_set, fmt::format("override of {}: {}, by {}", text_of(key), text_of(wish), by),
          key.service, key.backend});
    return follow_override(key);
}

std::optional<std::string> Controller::lift_override(const model::OverrideKey& key, const std::string& by) {
    if (!overrides_.lift(key)) return std::nullopt;
    tell({EventKind::override_lifted, fmt::format("the override of {} is lifted, by {}", text_of(key), by),
          key.service, key.backend});
    return follow_override(key);
}

/// At once, before whatever else waits for a pass.
std::string Controller::follow_override(const model::OverrideKey& key) {
    reconcile(services_of(config_, {key}));
    if (!overrides_.is_saved()) overrides_.save();
    return applying_.error;
}

/// Looks once a second while a drain is under way, or something is to be saved. At drains not before the plan
/// is in force: until then new flows may come.
void Controller::follow_drains() {
    if (!overrides_.is_saved()) overrides_.save();
    bool in_force = applying_.error.empty();
    if (in_force) look_after_drains();
    if (overrides_.is_saved() && !(in_force && under_way(overrides_.all(), drains_))) return;
    next_look_ = clock_.after(kLook, [this] { follow_drains(); });
}

void Controller::look_after_drains() {
    if (!under_way(overrides_.all(), drains_)) return;
    auto [plan, seen] = look_at_overridden(*applied_);
    auto ended = drains_.look(overrides_.all(), plan, seen, options_.wall_clock());
    for (const auto& key : ended.drained)
        tell({EventKind::drain_finished, fmt::format("{} is drained", text_of(key)), key.service,
              key.backend});
    for (const auto& [key, flows] : ended.expired) {
        tell({EventKind::override_expired,
              fmt::format("the deadline of {}'s drain has passed: {} flows are cut off", text_of(key), flows),
              key.service, key.backend});
        overrides_.expire(key, flows);
    }
    if (ended.expired.empty()) return;
    overrides_.save();
    wake();
}

void Controller::look_at_certificates() {
    for (const auto& [certificate, target] : checker_.take_expiring()) {
        auto frontend = std::ranges::find(wanted_->frontends, target.frontend, &model::Frontend::key);
        tell({EventKind::certificate_expiring,
              fmt::format("{}; backend {} of {} shows it", certificate, target.backend.text(),
                          target.frontend.text()),
              frontend == wanted_->frontends.end() ? "" : frontend->service, target.backend,
              target.frontend});
    }
}

/// VIPs are not told of before the datapath answers for them.
void Controller::announce(const model::Plan& plan) {
    if (!options_.announcer) return;
    std::vector<std::string> attached;
    if (std::ranges::any_of(plan.frontends, &model::Frontend::announce_arp))
        for (const auto& interface : engine_.observe({}).interfaces)
            if (!interface.mode.empty()) attached.push_back(interface.name);
    options_.announcer->announce(plan, attached);
}

void Controller::failed(const Error& error) {
    auto delay = options_.retry.next();
    ++applying_.failures_total;
    auto text = fmt::format("cannot apply the plan, next try in {} ms: {}", delay.count(), error.message);
    if (std::exchange(applying_.error, error.message) != error.message) {
        tell({EventKind::plan_failed, std::move(text)});
        if (options_.on_applied) options_.on_applied();
    } else {
        spdlog::error("{}", text);
    }
    pass_is_due_ = false;
    schedule(delay);
    follow_drains();
}

Reloaded Controller::reload() {
    reloads_.last_at = system_clock::now();
    auto loaded = options_.load();
    if (loaded)
        if (auto possible =
                options_.possible(fill(*loaded, carried_over(supply_.supplies(), *loaded)).config);
            !possible)
            loaded = std::unexpected(std::vector{config::Mistake{0, 0, possible.error().message}});
    if (!loaded) {
        ++reloads_.refused_total;
        reloads_.last_error = config::describe(options_.config_path, loaded.error());
        if (reloads_.last_error.ends_with('\n')) reloads_.last_error.pop_back();
        tell({EventKind::reload_refused,
              "reload refused, the running configuration stays:\n" + reloads_.last_error});
        return {std::move(loaded.error()), ""};
    }
    ++reloads_.accepted_total;
    reloads_.last_error.clear();
    declared_ = std::move(*loaded);
    supply_.set(declared_);
    config_ = declared_;
    resupply();
    if (options_.herald) options_.herald->set(config_);
    tell({EventKind::reload_accepted, "reloaded " + options_.config_path});
    all_is_stale_ = true;
    hand_out_config();
    reconcile();
    tick_later();
    return {{}, applying_.error.empty() ? not_followed_ : applying_.error};
}

/// The services with overridden backends, and what goes to these backends.
Controller::Sight Controller::look_at_overridden(const model::Plan& plan) {
    std::vector<model::OverrideKey> keys;
    std::set<net::Ip> backends;
    for (const auto& [key, override] : overrides_.all()) {
        keys.push_back(key);
        backends.insert(key.backend);
    }
    const auto services = services_of(config_, keys);
    std::vector<SharedList<model::Frontend>::Item> frontends;
    std::vector<model::TargetKey> targets;
    for (size_t i = 0; i < plan.frontends.size(); ++i) {
        const auto& frontend = plan.frontends.item(i);
        if (!services.contains(frontend->service)) continue;
        frontends.push_back(frontend);
        for (const auto& target : frontend->targets)
            if (backends.contains(target.backend.address))
                targets.push_back({frontend->key, target.backend.address});
    }
    Sight sight{{}, engine_.observe(targets)};
    sight.plan.frontends = SharedList<model::Frontend>(std::move(frontends));
    return sight;
}

std::vector<OverrideRow> Controller::override_rows() {
    auto [plan, seen] = look_at_overridden(*wanted_);
    return control::override_rows(overrides_.all(), drains_, plan, seen);
}

Keeping Controller::keeping() const {
    return {overrides_.problem(), overrides_.is_saved(), overrides_.save_failures_total()};
}

std::vector<SourceRow> Controller::source_rows() const {
    auto rows = supply_.rows();
    std::map<std::string, size_t> next;  // of a pool's sources
    for (auto& row : rows) {
        auto pool = left_out_.find(row.pool);
        auto place = next[row.pool]++;
        if (pool != left_out_.end() && place < pool->second.size()) row.left_out = pool->second[place];
    }
    return rows;
}

StatusReport Controller::status() {
    auto seen = engine_.observe();
    // Not wanted_: the reasons may be newer, without that a target went up or down.
    auto now = model::plan(config_, merged(), restraint_.allowances(), overrides_.all());
    auto backends = backend_rows(now, seen.targets, checker_.checked());
    mark_overridden(backends, config_, overrides_.all());
    auto overridden = control::override_rows(overrides_.all(), drains_, now, seen);
    auto daemon = daemon_;
    daemon.engine = engines_of(config_);
    return {std::move(daemon),
            reloads_,
            applying_,
            std::move(seen.interfaces),
            seen.flow_table,
            std::move(seen.not_forwarded),
            std::move(seen.claims),
            service_rows(config_, now),
            std::move(backends),
            std::move(overridden),
            keeping(),
            {events_->totals(), events_->dropped_readers_total()},
            options_.herald ? options_.herald->rows() : std::vector<AlertRow>{},
            source_rows(),
            not_supplied_,
            checker_.not_probed(),
            not_followed_,
            bgp(),
            sync()};
}

model::HealthMap Controller::health() const {
    return health_in(*wanted_);
}

}  // namespace weir::control
