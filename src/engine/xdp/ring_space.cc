#include "engine/xdp/ring_space.h"

#include <iterator>

namespace weir::engine::xdp {

std::optional<Lines> RingSpace::allocate(uint32_t count) {
    for (const auto& [first, length] : free_) {
        if (length < count) continue;
        Lines lines{first, count};
        reserve(lines);
        return lines;
    }
    return std::nullopt;
}

bool RingSpace::reserve(Lines lines) {
    auto after = free_.upper_bound(lines.first);
    if (after == free_.begin()) return false;
    auto [first, count] = *std::prev(after);
    if (lines.first + lines.count > first + count) return false;
    free_.erase(first);
    if (lines.first > first) free_.emplace(first, lines.first - first);
    uint32_t end = lines.first + lines.count;
    if (end < first + count) free_.emplace(end, first + count - end);
    return true;
}

void RingSpace::release(Lines lines) {
    auto after = free_.lower_bound(lines.first);
    if (after != free_.end() && lines.first + lines.count == after->first) {
        lines.count += after->second;
        after = free_.erase(after);
    }
    if (after != free_.begin()) {
        auto before = std::prev(after);
        if (before->first + before->second == lines.first) {
            before->second += lines.count;
            return;
        }
    }
    free_.emplace(lines.first, lines.count);
}

}  // namespace weir::engine::xdp
