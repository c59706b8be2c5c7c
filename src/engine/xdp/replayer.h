// Replays captures through the XDP program by test-runs: tables of its own, nothing pinned, nothing attached.
#pragma once

#include "engine/replay.h"

namespace weir::engine::xdp {

/// The plan as it is replayed: with one interface, which every frame comes in and leaves by; the rate of
/// weir's own ICMP messages is not limited; and no flow expires, but for what an hour leaves idle.
model::Plan as_replayed(model::Plan plan);

/// The plan is taken as_replayed().
Result<Replay> open_replay(model::Plan plan, ReplaySetup setup);

}  // namespace weir::engine::xdp
