// The pools: what is in them, who uses them as what, and how their backends are. Pure.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>
#include <vector>

#include "control/status.h"
#include "model/config.h"

namespace weir::control {

struct PoolUse {
    std::string service;
    model::Tier tier = 0;  // of the service's pools

    bool operator==(const PoolUse&) const = default;
};

struct PoolBackend {
    model::Backend configured;
    // Behind how many frontends of the services that use the pool it stands, and of them:
    size_t targets = 0;
    size_t up = 0;
    size_t taking = 0;  // all flows, new ones too
    uint64_t flows_active = 0;
    std::vector<OverrideRow> overrides{};  // of this backend, in any service or everywhere
};

struct PoolRow {
    std::string name;
    std::vector<PoolUse> used_by;
    std::vector<SourceRow> sources{};
    std::vector<PoolBackend> backends;
};

/// `report`: of a controller with this configuration.
std::vector<PoolRow> pool_rows(const model::Config& config, const StatusReport& report);

boost::json::array pools_json(const std::vector<PoolRow>& pools);

}  // namespace weir::control
