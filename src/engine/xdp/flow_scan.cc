#include "engine/xdp/flow_scan.h"

#include <algorithm>
#include <numeric>

namespace weir::engine::xdp {

uint64_t EntryCount::entries() const {
    return std::accumulate(flows.begin(), flows.end(), uint64_t{sources});
}

FlowScan::FlowScan(std::span<weir_bucket> table, uint32_t numbers)
    : table_(table), counting_(numbers), counted_(numbers) {}

bool FlowScan::step(size_t buckets, uint32_t now, const Timeouts& timeouts) {
    size_t end = std::min(next_ + buckets, table_.size());
    for (; next_ < end; next_++) {
        for (auto& slot : table_[next_].entry) {
            __u64 entry = __atomic_load_n(&slot, __ATOMIC_RELAXED);
            if (entry == 0) continue;
            auto age = ticks_since(static_cast<uint32_t>(entry), now);
            auto number = static_cast<uint32_t>(entry >> WEIR_ID_SHIFT) & (WEIR_MAX_TARGETS - 1);
            auto state = entry >> WEIR_STATE_SHIFT & (WEIR_FLOW_STATES - 1);
            // One tick more than the datapath waits, so that both never disagree about an entry in use.
            if (age > timeouts[state] + 1) {
                __atomic_compare_exchange_n(&slot, &entry, 0, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
            } else if (number < counting_.size()) {
                auto& count = counting_[number];
                (entry & WEIR_OF_A_SOURCE ? count.sources : count.flows[state])++;
            }
        }
    }
    if (next_ < table_.size()) return false;
    next_ = 0;
    std::swap(counted_, counting_);
    std::ranges::fill(counting_, EntryCount{});
    all_ = {};
    for (const auto& count : counted_) {
        for (size_t state = 0; state < WEIR_FLOW_STATES; state++) all_.flows[state] += count.flows[state];
        all_.sources += count.sources;
    }
    return true;
}

}  // namespace weir::engine::xdp
