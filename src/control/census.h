// Who has the flows of the flow table: how many each backend of each service has, how far they are, and
// whether that is the part that its weight stands for. Pure.
#pragma once

#include <boost/json/fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "control/status.h"

namespace weir::control {

/// What is asked for; "" and nothing: all.
struct CensusQuestion {
    std::string service;
    std::optional<net::Ip> backend;
    size_t limit = 1000;
};

/// Of one backend in one service, at all its VIPs and ports.
struct FlowHolder {
    std::string service;
    net::Ip backend;
    engine::FlowStates flows;
    double share = 0;      // of the service's flows
    double by_weight = 0;  // the share that it would have, had the weights of now placed each of these flows

    bool operator==(const FlowHolder&) const = default;
};

struct Census {
    engine::FlowTable table;
    uint64_t left_behind = 0;         // flows of targets that the plan has no more
    size_t matching = 0;              // backends with flows that were asked for
    std::vector<FlowHolder> holders;  // of these, those with the most flows first, as many as were asked for
};

Census census(const StatusReport& report, const CensusQuestion& question);

boost::json::object census_json(const Census& census);

}  // namespace weir::control
