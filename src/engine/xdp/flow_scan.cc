#include "engine/xdp/flow_scan.h"

#include <algorithm>
#include <numeric>

namespace weir::engine::xdp {

FlowScan::FlowScan(std::span<weir_bucket> table, uint32_t numbers)
    : table_(table),
      counting_{std::vector<uint64_t>(numbers), std::vector<uint64_t>(numbers)},
      counted_(counting_) {}

bool FlowScan::step(size_t buckets, uint32_t now, const Timeouts& timeouts) {
    size_t end = std::min(next_ + buckets, table_.size());
    for (; next_ < end; next_++) {
        for (auto& slot : table_[next_].entry) {
            __u64 entry = __atomic_load_n(&slot, __ATOMIC_RELAXED);
            if (entry == 0) continue;
            auto age = ticks_since(static_cast<uint32_t>(entry), now);
            auto number = static_cast<uint32_t>(entry >> WEIR_ID_SHIFT) & (WEIR_MAX_TARGETS - 1);
            // One tick more than the datapath waits, so that both never disagree about an entry in use.
            if (age > timeouts[entry >> WEIR_STATE_SHIFT & 3] + 1) {
                __atomic_compare_exchange_n(&slot, &entry, 0, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
            } else if (number < counting_.entries.size()) {
                counting_.entries[number]++;
                if (!(entry & WEIR_OF_A_SOURCE)) counting_.flows[number]++;
            }
        }
    }
    if (next_ < table_.size()) return false;
    next_ = 0;
    std::swap(counted_, counting_);
    std::ranges::fill(counting_.entries, 0);
    std::ranges::fill(counting_.flows, 0);
    used_ = std::accumulate(counted_.entries.begin(), counted_.entries.end(), uint64_t{0});
    return true;
}

}  // namespace weir::engine::xdp
