// Which targets IPVS does not serve, and why. Pure.
#pragma once

#include <map>
#include <set>
#include <string>

#include "engine/ipvs/difference.h"

namespace weir::engine::ipvs {

/// What the kernel refused, by what it was about.
struct Refusals {
    std::map<ServiceKey, std::string> services{};
    std::map<std::pair<ServiceKey, net::Endpoint>, std::string> destinations{};
    std::map<net::Ip, std::string> addresses{};

    void note(const Change& change, const std::string& why);
};

std::map<model::TargetKey, std::string> unreachable_targets(const model::Plan& plan, const Wanted& wanted,
                                                            const Contents& found,
                                                            const std::set<ServiceKey>& foreign,
                                                            const Refusals& refusals);

/// All targets of IPVS's, for one reason.
std::map<model::TargetKey, std::string> all_targets(const model::Plan& plan, const std::string& why);

}  // namespace weir::engine::ipvs
