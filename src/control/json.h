// The API's JSON, from values: shared by the daemon and by what the command line works out by itself.
#pragma once

#include <boost/json/fwd.hpp>
#include <optional>
#include <vector>

#include "config/load.h"
#include "control/difference.h"
#include "control/status.h"

namespace weir::control {

boost::json::object status_json(const StatusReport& report);
boost::json::array services_json(const std::vector<ServiceRow>& services);
boost::json::array backends_json(const std::vector<BackendRow>& backends);
boost::json::object override_json(const OverrideRow& row);
boost::json::array overrides_json(const std::vector<OverrideRow>& overrides);

/// With the share of new flows that each target gets: slow for many big tables. `number`: of a plan in force.
boost::json::object plan_json(const model::Plan& plan, std::optional<uint64_t> number);
boost::json::object difference_json(const Difference& difference);

boost::json::object bgp_json(const announce::BgpReport& report);
boost::json::object sync_json(const sync::Report& report);
boost::json::object event_json(const Event& event);
boost::json::object trace_json(const engine::Flow& flow, const engine::Verdict& verdict);
boost::json::array mistakes_json(const std::vector<config::Mistake>& mistakes);

/// RFC 3339, UTC, with milliseconds.
std::string time_text(SystemTime time);

}  // namespace weir::control
