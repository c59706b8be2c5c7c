// How large the datapath's tables have to be for a plan. Pure.
#pragma once

#include "base/result.h"
#include "engine/xdp/programs.h"
#include "model/plan.h"

namespace weir::engine::xdp {

/// Lines of the ring table that so many entries take.
uint32_t lines_for(uint32_t entries);

bool uses_nat(const model::Plan& plan);

/// What a plan needs at the least. Fails where it asks for more than the tables can have.
Result<Sizes> least_sizes(const model::Plan& plan);

/// Whether both plans need the same. What is the very same frontend in both is not looked at.
bool same_sizes(const model::Plan& a, const model::Plan& b);

/// Bytes of kernel memory that a datapath takes which is made for the plan, about.
Result<uint64_t> memory_for(const model::Plan& plan);

/// Enlarges `sizes` so that another plan's rows have room too.
void cover(Sizes& sizes, const Sizes& other);

/// The same with room to grow.
Sizes roomy(Sizes sizes);

}  // namespace weir::engine::xdp
