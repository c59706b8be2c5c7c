// Passes over the flow table in small steps: counts each target's entries by their state, and clears those
// that have expired before their age wraps. Runs beside the datapath, which goes on writing: an entry is
// cleared only if it is still what was read.
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

/// How many entries there are, of a target or of all.
struct EntryCount {
    std::array<uint32_t, WEIR_FLOW_STATES> flows{};  // by weir_flow_state
    uint32_t sources = 0;                            // entries of sources (WEIR_OF_A_SOURCE), in any state

    uint64_t entries() const;
    bool operator==(const EntryCount&) const = default;
};

class FlowScan {
  public:
    /// `numbers`: one more than the highest number that an entry can name.
    FlowScan(std::span<weir_bucket> table, uint32_t numbers);

    /// Looks at the next buckets; true when this ended a pass. `now` is the datapath's tick.
    bool step(size_t buckets, uint32_t now, const Timeouts& timeouts);

    /// Of the last whole pass.
    const std::vector<EntryCount>& by_number() const { return counted_; }
    const EntryCount& all() const { return all_; }

  private:
    std::span<weir_bucket> table_;
    size_t next_ = 0;
    std::vector<EntryCount> counting_, counted_;
    EntryCount all_;
};

}  // namespace weir::engine::xdp
