// Takes over the tables that a former daemon has left, also those of another version. Types that the kernel
// keeps with each map tell how its rows are laid out, so a change of layout needs no code here, and no
// number; WEIR_ABI changes only where what is written means something else.
#pragma once

#include <memory>

#include "engine/xdp/datapath.h"

namespace weir::engine::xdp {

/// A datapath over the maps themselves where their rows are laid out as here. Else one of its own, which has
/// the flows, NAT's too, the numbers, the secret and the counters that can be read; of what does not fit, the
/// log tells. Flows whose table is laid out otherwise begin anew. Fails, and nothing can be taken over, where
/// WEIR_ABI or the number of CPUs is another one.
Result<std::unique_ptr<Datapath>> take_over(Maps former, const Ticks& ticks);

}  // namespace weir::engine::xdp
