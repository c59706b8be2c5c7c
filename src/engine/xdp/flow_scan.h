// Passes over the flow table in small steps: counts the entries and the flows of each target, and clears
// those that have expired before their age wraps. Runs beside the datapath, which goes on writing: an entry
// is cleared only if it is still what was read.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/xdp/abi.h"

namespace weir::engine::xdp {

using Timeouts = std::array<uint32_t, WEIR_FLOW_STATES>;  // in ticks, by weir_flow_state

/// How long ago the datapath wrote an age. What it wrote since `now` was read is not old.
inline uint32_t ticks_since(uint32_t age, uint32_t now) {
    uint32_t ticks = (now - age) & WEIR_AGE_MASK;
    return ticks == WEIR_AGE_MASK ? 0 : ticks;
}

class FlowScan {
  public:
    /// `numbers`: one more than the highest number that an entry can name.
    FlowScan(std::span<weir_bucket> table, uint32_t numbers);

    /// Looks at the next buckets; true when this ended a pass. `now` is the datapath's tick.
    bool step(size_t buckets, uint32_t now, const Timeouts& timeouts);

    /// Of the last whole pass.
    const std::vector<uint64_t>& entries_by_number() const { return counted_.entries; }
    /// Without the entries of sources.
    const std::vector<uint64_t>& flows_by_number() const { return counted_.flows; }
    uint64_t used() const { return used_; }

  private:
    std::span<weir_bucket> table_;
    size_t next_ = 0;
    struct Counts {
        std::vector<uint64_t> entries, flows;
    } counting_, counted_;
    uint64_t used_ = 0;
};

}  // namespace weir::engine::xdp
