#include "engine/xdp/frontend_table.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace weir::engine::xdp {
namespace {

std::pair<uint32_t, uint32_t> places(const weir_key& key, uint64_t salt, uint32_t slots) {
    auto hash = weir_places(&key, salt);
    return {static_cast<uint32_t>(hash) & (slots - 1), static_cast<uint32_t>(hash >> 32) & (slots - 1)};
}

/// Puts a row in, moving others to their second place; false after too many moves.
bool insert(FrontendTable& table, weir_frontend row) {
    auto slots = static_cast<uint32_t>(table.slots.size());
    auto at = places(row.key, table.salt, slots).first;
    for (int moves = 0; moves < 128; moves++) {
        std::swap(row, table.slots[at]);
        if (row.key.family == WEIR_NONE) return true;
        auto [first, second] = places(row.key, table.salt, slots);
        at = at == first ? second : first;
    }
    return false;
}

}  // namespace

uint32_t frontend_slots_for(size_t rows) {
    return std::max(64u, std::bit_ceil(static_cast<uint32_t>(rows * 4)));
}

std::optional<FrontendTable> lay_frontends(std::span<const weir_frontend> rows, uint32_t slots,
                                           uint64_t salt) {
    if (rows.size() * 2 > slots) return std::nullopt;
    for (int attempt = 0; attempt < 100; attempt++) {
        FrontendTable table{std::vector<weir_frontend>(slots), salt + static_cast<uint64_t>(attempt)};
        if (std::ranges::all_of(rows, [&](const auto& row) { return insert(table, row); })) return table;
    }
    return std::nullopt;
}

}  // namespace weir::engine::xdp
