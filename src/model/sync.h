// How balancers of one group share their flows: values of the configuration. See weir.yaml(5) and
// doc/sync.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "net/ip.h"

namespace weir::model {

struct Sync {
    std::optional<net::Endpoint> group{};   // multicast, of all balancers; none: only `peers` are spoken to
    std::string interface{};                // by which the group is reached; not empty where there is a group
    std::optional<net::Endpoint> listen{};  // default: every address, at the group's port or kSyncPort
    std::vector<net::Endpoint> peers{};     // unicast; distinct
    std::vector<std::string> keys{};        // the first signs, all are believed; none: nothing is shared
    uint64_t flow_secret = 0;               // of the flow hash: the same for the whole group
    unsigned share = 50;                    // percent of the flow table that peers' flows may take

    bool operator==(const Sync&) const = default;
};

inline constexpr net::Port kSyncPort{8383};

}  // namespace weir::model
