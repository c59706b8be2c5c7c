// What the daemon knows of itself and of the traffic, as values: what the API, the metrics and the listings
// show.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "announce/bgp_report.h"
#include "control/drains.h"
#include "control/events.h"
#include "control/herald.h"
#include "control/supply.h"
#include "engine/engine.h"
#include "health/checker.h"
#include "model/plan.h"
#include "sync/report.h"

namespace weir::control {

struct Daemon {
    std::string version;
    int pid = 0;
    SystemTime started_at;
    std::string config_path;
    std::string engine;  // those that services use, by commas
};

/// How the last reload went, and how many went how. The first load of the configuration is none.
struct Reloads {
    uint64_t accepted_total = 0;
    uint64_t refused_total = 0;
    std::optional<SystemTime> last_at;
    std::string last_error;  // "" when it was accepted
};

struct Applying {
    uint64_t number = 0;  // of the plan in force: how many have been applied
    std::optional<SystemTime> applied_at;
    std::chrono::nanoseconds took{0};  // from looking at the inputs until it was in force
    uint64_t failures_total = 0;
    std::string error;  // why the wanted plan is not in force; "" when it is
};

struct FrontendRow {
    model::FrontendKey key;
    model::ForwardKind forward = model::ForwardKind::dsr;
    model::EngineKind engine = model::EngineKind::xdp;
    std::string scheduler;  // as the engine names it
    bool healthy = false;
    size_t up = 0;      // targets that are up, in whatever administrative state; all but the fallback pool's
    size_t usable = 0;  // of them those that could take new flows
    size_t total = 0;
    model::Serving serving = model::Serving::pool;
    uint32_t overflowing = 0;  // to backup pools, in parts of model::kWhole
};

struct ServiceRow {
    std::string name;
    unsigned need = 1;
    bool healthy = false;  // all its frontends are
    std::vector<FrontendRow> frontends;
};

/// Beside an override: what the configuration says.
struct Overridden {
    model::Override override;  // all that is in force here
    model::AdminState configured_state = model::AdminState::enabled;
    uint32_t configured_weight = 1;
};

struct BackendRow {
    std::string service;
    model::TargetKey key;
    model::Target target;
    engine::Traffic traffic;
    std::optional<health::Outcome> last_check;
    std::optional<Overridden> overridden{};
    std::optional<SystemTime> last_change{};  // of its checks' verdict; none without checks
};

struct OverrideRow {
    model::OverrideKey key;
    model::Override override;
    OverrideUse use;
    std::optional<bool> drained{};  // all its flows are gone, for sure; none where it does not drain, or
                                    // nothing has been counted yet
};

/// How the overrides are kept.
struct Keeping {
    std::string problem;  // "" when all is well
    bool saved = true;
    uint64_t save_failures_total = 0;
};

struct EventCounts {
    Events::Totals totals{};  // by kind
    uint64_t dropped_readers_total = 0;
};

struct StatusReport {
    Daemon daemon;
    Reloads reloads;
    Applying applying;
    std::vector<engine::InterfaceState> interfaces;
    engine::FlowTable flow_table;
    std::vector<engine::ReasonCount> not_forwarded;
    std::vector<engine::Claim> claims;
    std::vector<ServiceRow> services;
    std::vector<BackendRow> backends;
    std::vector<OverrideRow> overrides{};
    Keeping keeping{};
    EventCounts events{};
    std::vector<AlertRow> alerts{};
    std::vector<SourceRow> sources{};
    std::string not_supplied{};  // why what sources have found is not used; "" when it is
    health::NotProbed not_probed{};
    std::string not_followed{};  // what of the configuration is not in force beside the plan; "" when all is
    announce::BgpReport bgp{};
    sync::Report sync{};
};

/// `xdp`, `xdp, ipvs`, `ipvs, proxy`, …: those that services use, or XDP where there are none.
std::string engines_of(const model::Config& config);

std::vector<ServiceRow> service_rows(const model::Config& config, const model::Plan& plan);

std::vector<BackendRow> backend_rows(const model::Plan& plan,
                                     const std::map<model::TargetKey, engine::Traffic>& traffic,
                                     const std::map<model::TargetKey, health::Checked>& checked);

/// What a target weighs just now among those that take new flows; 0 of one that does not.
double effective_weight(const model::Target& target);

/// Fills in `overridden` of the rows that an override concerns.
void mark_overridden(std::vector<BackendRow>& rows, const model::Config& config,
                     const model::Overrides& overrides);

std::vector<OverrideRow> override_rows(const model::Overrides& overrides, const Drains& drains,
                                       const model::Plan& plan, const engine::Observation& seen);

/// What needs the operator's attention, a line each, the worst first; empty when all is well.
std::vector<std::string> problems_of(const StatusReport& report);

}  // namespace weir::control
