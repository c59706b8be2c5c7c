// What has to change in the kernel so that it is as wanted, and what may not be touched. Pure.
#pragma once

#include <set>
#include <vector>

#include "base/clock.h"
#include "engine/ipvs/kernel.h"
#include "engine/ipvs/wanted.h"

namespace weir::engine::ipvs {

/// What weir has made in this kernel: all that it ever changes. Kept over restarts (record.h).
struct Owned {
    std::set<ServiceKey> services{};
    std::set<net::Ip> addresses{};
    std::set<Role> daemons{};

    bool empty() const { return services.empty() && addresses.empty() && daemons.empty(); }
    bool operator==(const Owned&) const = default;
};

/// A destination that leaves gets no new connections, and goes when it has none any more, or after so long:
/// its last ones may never end, and with persistence its clients come back to it.
inline constexpr auto kLongestDrain = std::chrono::hours(24);

/// Since when destinations leave.
using Drains = std::map<std::pair<ServiceKey, net::Endpoint>, Clock::Time>;

struct Difference {
    /// In the order that they are to be made in: at no time are there fewer destinations for new connections
    /// than before and after, and an address comes after its service and goes before it.
    std::vector<Change> changes{};
    Drains drains{};                   // those that go on
    std::set<ServiceKey> foreign{};    // wanted, but there and not ours
    std::set<Role> foreign_daemons{};  // the same, and not as wanted

    bool operator==(const Difference&) const = default;
};

Difference difference(const Wanted& wanted, const Contents& found, const Owned& owned, const Drains& drains,
                      Clock::Time now);

/// What would be ours once the changes are made.
Owned with_added(Owned owned, const std::vector<Change>& changes);
/// What still is ours, of what there is now.
Owned without_missing(Owned owned, const Wanted& wanted, const Contents& found);

}  // namespace weir::engine::ipvs
