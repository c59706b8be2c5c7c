// What goes from tables into larger ones that take their place: flows and counts. NAT's rows: translations.h.
#pragma once

#include "engine/xdp/datapath.h"

namespace weir::engine::xdp {

/// Entries of a table of another size: those whose bucket is now decided by more bits of their hash than the
/// entry tells go to each bucket that may be theirs; in the wrong one nobody finds them, and they expire. The
/// datapath may be at work on either: what it has written there of a flow stays, but for the end of a flow
/// that it has seen here. That makes the second of two copies bring what has ended since the first.
void copy_flows(Rows<weir_bucket> from, Rows<weir_bucket> to);

/// What the one has counted goes to the row of the other that no CPU writes.
void add_counts(const Datapath& before, const Datapath& after);

}  // namespace weir::engine::xdp
