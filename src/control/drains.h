// How far the operator's drains are: the flows that are left, when the last of them has ended, and when the
// deadline has passed. Pure; the controller looks about once a second while a drain is under way.
#pragma once

#include <map>
#include <vector>

#include "engine/engine.h"
#include "model/override.h"
#include "model/plan.h"

namespace weir::control {

/// What an override does at present.
struct OverrideUse {
    bool used = false;          // the configuration has its backend
    uint64_t flows_active = 0;  // where its state is in force

    bool operator==(const OverrideUse&) const = default;
};

std::map<model::OverrideKey, OverrideUse> uses_of(const model::Overrides& overrides, const model::Plan& plan,
                                                  const engine::Observation& seen);

class Drains {
  public:
    struct Ended {
        std::vector<model::OverrideKey> drained;                       // for the first time
        std::vector<std::pair<model::OverrideKey, uint64_t>> expired;  // with the flows that are left

        bool operator==(const Ended&) const = default;
    };

    /// The plan, with the overrides, is in force.
    Ended look(const model::Overrides& overrides, const model::Plan& plan, const engine::Observation& seen,
               model::Override::Time now);

    /// Whether all its flows are gone, for sure: the engine has counted them since no new ones come.
    bool drained(const model::OverrideKey& key, const model::Override& override) const;

  private:
    struct Progress {
        model::Override::Time since;  // another drain of the same backend begins anew
        uint64_t counts_at_first = 0;
        bool drained = false;
    };
    std::map<model::OverrideKey, Progress> progress_;
};

/// Whether look() has anything to wait for.
bool under_way(const model::Overrides& overrides, const Drains& drains);

}  // namespace weir::control
