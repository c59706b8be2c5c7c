// Whether a backend that a source has found can be in its pool: what config holds against those that stand in
// the file, for those that come later. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/prefix_map.h"
#include "model/tiers.h"

namespace weir::control {

class Fitting {
  public:
    /// `config` outlives it.
    explicit Fitting(const model::Config& config);

    /// Why the address cannot be one of the pool's; "" where it can. `place`: behind how many others it
    /// stands.
    std::string refusal(const std::string& pool, const net::Ip& address, size_t place) const;

    /// Whether somebody sends to ports of the pool's backends' own.
    bool uses_ports(const std::string& pool) const;

  private:
    config::PrefixMap<std::string> vips_;     // to their services
    config::PrefixMap<std::string> sources_;  // that stand for clients
    bool has_ipvs_sync_;
    std::map<std::string, std::vector<const std::pair<const std::string, model::Service>*>> users_;
};

}  // namespace weir::control
