// Which backends have as many connections as they may (`max_connections`). Pure: it follows from the
// configuration and what has been observed, in order.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>

#include "model/plan.h"

namespace weir::control {

/// Of each target: flows, or whatever else stands for its load.
using Loads = std::map<model::TargetKey, double>;

/// A backend is full at its cap, and until it is below 90 % of it: else a crowded one would come and go with
/// every flow that ends.
bool is_full(bool was_full, double flows, uint32_t cap);

class Caps {
  public:
    static bool any(const model::Config& config);

    /// A backend's connections are those of all frontends that have it from its pool.
    void look(const model::Config& config, const Loads& flows);

    bool full(const std::string& pool, const net::Ip& backend) const {
        return full_.contains({pool, backend});
    }

  private:
    std::set<std::pair<std::string, net::Ip>> full_;
};

}  // namespace weir::control
