// The services' QUIC configurations and server ids in the datapath's tables.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "base/result.h"
#include "engine/xdp/numbers.h"
#include "engine/xdp/quic_abi.h"
#include "model/plan.h"

namespace weir::engine::xdp {

/// By the frontend's place in the plan: the row of its configurations.
using QuicRows = std::map<size_t, uint32_t>;

/// How many different sets of configurations the plan's frontends have.
size_t count_quic_tables(const model::Plan& plan);

/// How many server ids write_servers() writes.
size_t count_servers(const model::Plan& plan);

/// Writes them, and which frontend has which. There is a row for each.
Result<QuicRows> write_quic_tables(const model::Plan& plan, std::span<weir_quic_table> rows);

/// Writes which target each server id means, in place of what that generation had.
Status write_servers(const model::Plan& plan, const Numbers& numbers, uint32_t half, int map);

}  // namespace weir::engine::xdp
