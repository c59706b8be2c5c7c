// Replays captures through the XDP program by test-runs: tables of its own, nothing pinned, nothing attached.
#pragma once

#include "engine/replay.h"

namespace weir::engine::xdp {

/// The plan is taken as it is, but for its interfaces: there is one, which every frame comes in and leaves
/// by. Time stands still: no flow expires, and the rate of weir's own ICMP messages is not limited.
Result<Replay> open_replay(model::Plan plan, ReplaySetup setup);

}  // namespace weir::engine::xdp
