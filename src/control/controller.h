// The control loop: it merges the inputs (configuration, checks, what the engine can reach) into a plan and
// makes the engine agree with it. Everything happens on the executor's one thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <set>

#include "announce/announcer.h"
#include "announce/bgp_report.h"
#include "base/backoff.h"
#include "config/load.h"
#include "control/drains.h"
#include "control/events.h"
#include "control/overrides.h"
#include "control/presence.h"
#include "control/rest.h"
#include "control/restraint.h"
#include "control/status.h"
#include "control/supply.h"
#include "control/turns.h"
#include "engine/engine.h"
#include "health/checker.h"

namespace weir::control {

/// What came of a reload: refused with every mistake, or taken over, though not all of it may be in force.
struct Reloaded {
    std::vector<config::Mistake> mistakes;
    std::string not_applied;  // what is not in force, and why; what the engine could not do is tried again

    bool accepted() const { return mistakes.empty(); }
};

class Controller {
  public:
    struct Options {
        std::string config_path;
        std::function<config::Loaded()> load;  // reads the file again
        /// A configuration's text, judged as load() judges the file's. For any thread.
        std::function<config::Loaded(std::string_view yaml)> parse = [](std::string_view yaml) {
            return config::parse(yaml);
        };
        /// Called at the start and after each reload that was accepted. What it cannot follow is a problem,
        /// and tried again.
        std::function<Status(const model::Config&)> on_config;
        std::function<void()> on_applied;  // called when applied_number() or not_in_force() has changed
        /// Of targets that a running datapath was adopted with: they stay as they were until checks say
        /// otherwise.
        model::HealthMap recovered;
        /// Whether other balancers have told their flows, or nobody is there to do so.
        std::function<bool()> knows_flows = [] { return true; };
        /// Whether another balancer of the group answers for the VIPs in their own networks. `ready`: this
        /// one could.
        std::function<bool(bool ready)> stands_by = [](bool) { return false; };
        announce::Announcer* announcer = nullptr;     // outlives the controller
        Herald* herald = nullptr;                     // as well
        const announce::BgpReporting* bgp = nullptr;  // as well
        const sync::Reporting* sync = nullptr;        // as well
        std::string overrides_file;                   // "": they end with the controller
        std::string health_file;                      // "": what the checks have seen ends with it
        std::function<SystemTime()> wall_clock = std::chrono::system_clock::now;
        std::span<const discovery::Kind> source_kinds{};  // outlive the controller
        std::string supply_file;                          // "": what sources have found ends with it
        /// Whether the engine could carry a configuration out, whatever the backends do.
        std::function<Status(const model::Config&)> possible = [](const model::Config&) { return Status(); };
        Backoff retry{std::chrono::seconds(1), std::chrono::seconds(10)};
    };

    /// The clock, the engine and the path outlive the controller.
    Controller(const boost::asio::any_io_executor& executor, Clock& clock, engine::Engine& engine,
               health::Path& path, model::Config config, Options options);

    /// Applies the first plan and starts the checks.
    void start();

    /// Something changed outside that may concern all targets: look again soon.
    void wake();

    /// Looks at loads and the time, where the choice of backends depends on them: once a second by itself.
    void tick();

    /// Before the datapath goes: no VIP is announced from now on.
    void withdraw();

    /// Keeps what the checks have seen, who is held back how much, and what sources have found, for the next
    /// daemon: to be called at the end.
    void save();

    /// Reads the file again. A refused one changes nothing; an accepted one keeps the checks' state.
    Reloaded reload();

    /// Changes what holds for a backend by hand, and gives why that is not in force yet; "" when it is. The
    /// configuration has the backend (known(), overrides.h).
    std::string set_override(const model::OverrideKey& key, const Wish& wish, const std::string& by);
    /// Nothing where there is none; else as set_override().
    std::optional<std::string> lift_override(const model::OverrideKey& key, const std::string& by);
    const Overrides& overrides() const { return overrides_; }
    /// As in status(), at the cost of the overridden backends alone.
    std::vector<OverrideRow> override_rows();
    Keeping keeping() const;
    /// With what sources have found among the pools' backends.
    const model::Config& config() const { return config_; }
    /// As the file has it.
    const model::Config& declared() const { return declared_; }
    Supplies supplies() const { return supply_.supplies(); }
    const std::shared_ptr<Events>& events() const { return events_; }

    /// Of somebody else: what has happened to him.
    void tell(Event event);

    StatusReport status();
    /// Without peers where no BGP is spoken.
    announce::BgpReport bgp() const { return options_.bgp ? options_.bgp->report() : announce::BgpReport{}; }

    sync::Report sync() const { return options_.sync ? options_.sync->report() : sync::Report{}; }

    /// What the engine was last made to agree with; empty before that. A snapshot: it never changes.
    std::shared_ptr<const model::Plan> applied() const { return applied_; }
    uint64_t applied_number() const { return applying_.number; }
    /// Why the engine has not what it should have; "" when it has.
    const std::string& not_in_force() const { return applying_.error; }
    const std::function<config::Loaded(std::string_view yaml)>& parser() const { return options_.parse; }
    const std::string& config_path() const { return options_.config_path; }

    /// The health of every target of the wanted plan.
    model::HealthMap health() const;

    /// What holds targets back just now.
    const model::Allowances& allowances() const { return restraint_.allowances(); }

    Result<engine::Verdict> trace(const engine::Flow& flow) { return engine_.trace(flow); }

  private:
    /// With what has changed of these services; of all, where all may have. `by_time`: only because time has
    /// passed, which may be every second, and no news.
    void reconcile(const std::set<std::string>& services = {}, bool by_time = false);
    std::string follow_override(const model::OverrideKey& key);
    /// A pass soon; many calls before the loop turns make one.
    void pass_soon();
    void pass();
    void note_checks();
    void resupply();
    void take_in(Filled filled);
    std::vector<SourceRow> source_rows() const;
    model::Plan make_plan(const std::set<std::string>& services);
    model::Plan plan_all();
    void tick_later();
    void learn_on();
    void schedule(Rest::Duration delay);
    void failed(const Error& error);
    void keep_part();
    void hand_out_config();
    void follow_drains();
    void look_after_drains();
    void look_at_certificates();
    void announce(const model::Plan& plan);
    struct Sight {
        model::Plan plan;
        engine::Observation seen;
    };
    Sight look_at_overridden(const model::Plan& plan);
    model::HealthMap merged() const;
    model::HealthMap merged(const std::set<std::string>& services) const;

    Clock& clock_;
    engine::Engine& engine_;
    Options options_;
    std::shared_ptr<Events> events_;  // shared with those who read along, for as long as it lives
    model::Config declared_;          // as the file has it
    Supply supply_;
    model::Config config_;                                                   // with what sources have found
    std::map<std::string, std::vector<std::vector<std::string>>> left_out_;  // of it
    std::set<std::string> stale_pools_;  // whose sources have found something else
    std::string not_supplied_;           // why what they have found is not in it; "" where it is
    health::Checker checker_;
    Overrides overrides_;
    Drains drains_;
    Restraint restraint_;
    Presence presence_;
    Backoff follow_;
    bool pass_is_due_ = false;
    Rest rest_;
    // What has changed since wanted_ was made.
    bool all_is_stale_ = true;
    Turns stale_services_;
    std::shared_ptr<const model::Plan> wanted_ = std::make_shared<const model::Plan>();
    std::shared_ptr<const model::Plan> applied_;
    Daemon daemon_;
    Reloads reloads_;
    std::string not_followed_;  // why on_config could not; "" when it could
    Applying applying_;
    Clock::Alarm next_pass_;
    Clock::Alarm next_tick_;
    Clock::Alarm next_look_;  // at the drains
    Clock::Alarm next_lesson_;
    Clock::Alarm next_follow_;
};

}  // namespace weir::control
