// Lays the frontends' rows so that the datapath finds each at one of two places: cuckoo hashing with a salt
// that fits. Pagh and Rodler, "Cuckoo Hashing", 2001.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/xdp/abi.h"

namespace weir::engine::xdp {

/// A power of two with room for that many rows at a quarter load, at least 64.
uint32_t frontend_slots_for(size_t rows);

struct FrontendTable {
    std::vector<weir_frontend> slots;
    uint64_t salt = 0;
};

/// Starts with `salt` and takes the next until every row has a place; nothing if it gives up (the table is
/// too full). Keys are distinct; slots is a power of two.
std::optional<FrontendTable> lay_frontends(std::span<const weir_frontend> rows, uint32_t slots,
                                           uint64_t salt);

}  // namespace weir::engine::xdp
