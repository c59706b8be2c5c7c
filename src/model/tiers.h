// Pools by priority: which part of a service's new flows each of its pools takes. Pure functions. See
// doc/pools.md.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/config.h"

namespace weir::model {

/// Fractions are whole numbers, so that all balancers count alike: so many parts make the whole.
constexpr uint32_t kWhole = 1 << 16;

/// A service's pool is tier 0, its backup pools are those from 1 on. A pool whose backends have several
/// priorities takes as many tiers.
using Tier = uint8_t;
constexpr Tier kFallbackTier = 255;
constexpr size_t kMostBackups = 8;

/// A backend as one of a service's.
struct Member {
    Tier tier;
    const Backend* backend;  // of the configuration
};

/// The backends of all pools of a service, by tier. An address that is in several of them is of the first.
std::vector<Member> members_of(const Config& config, const Service& service);

/// The tiers of one of a service's pools.
struct PoolTiers {
    std::string pool;
    std::vector<uint16_t>
        priorities{};  // of its backends, from the lowest on; what is behind the last shares its tier
    Tier first = 0;

    Tier last() const { return tier_of(UINT16_MAX); }
    Tier tier_of(uint16_t priority) const;
};
/// In the order of their tiers; the fallback pool, which has one, comes last.
std::vector<PoolTiers> tiers_of(const Config& config, const Service& service);

/// The names of a service's pools, by tier.
std::vector<std::string> pools_of(const Service& service);

/// Whether the operator lets it have new flows.
bool takes_new(const Backend& backend);

/// Sums of weights.
struct TierWeight {
    uint64_t all = 0;
    uint64_t usable = 0;
};

/// The part of new flows that each tier takes, in parts of kWhole: `overflow` percent of its usable share of
/// weight, but no more than the tiers before it leave. Where they all leave something over, each takes
/// more in proportion. All zero where nothing is usable.
std::vector<uint32_t> parts_of(std::span<const TierWeight> tiers, unsigned overflow);

struct Frontend;

/// Decides who takes the frontend's new flows: sets `accepts`, `fraction` and `limited` of targets that are
/// usable (their `fraction` being what they are allowed), `serving` and `overflowing`.
void share_out(Frontend& frontend, const Service& service);

}  // namespace weir::model
