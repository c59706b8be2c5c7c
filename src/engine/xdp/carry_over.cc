#include "engine/xdp/carry_over.h"

#include <algorithm>

namespace weir::engine::xdp {
namespace {

bool exchange(__u64& slot, __u64 expected, __u64 entry) {
    return __atomic_compare_exchange_n(&slot, &expected, entry, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

bool ends(uint64_t entry) {
    return (entry >> WEIR_STATE_SHIFT & (WEIR_FLOW_STATES - 1)) == WEIR_CLOSING;
}

void copy_flow(uint64_t entry, weir_bucket& bucket) {
    for (auto& slot : bucket.entry) {
        __u64 there = __atomic_load_n(&slot, __ATOMIC_RELAXED);
        if (there == 0 || (entry ^ there) >> WEIR_TAG_SHIFT != 0) continue;
        if (ends(entry) && !ends(there)) exchange(slot, there, entry);
        return;
    }
    for (auto& slot : bucket.entry)
        if (exchange(slot, 0, entry)) return;
}

}  // namespace

void copy_flows(Rows<weir_bucket> from, Rows<weir_bucket> to) {
    for (size_t i = 0; i < std::max(from.size(), to.size()); i++)
        for (auto entry : from[i & (from.size() - 1)].entry)
            if (entry != 0) copy_flow(entry, to[i & (to.size() - 1)]);
}

void add_counts(const Datapath& before, const Datapath& after) {
    auto mine = after.counters(after.cpus());
    for (uint32_t row = 0; row <= before.cpus(); row++)
        for (size_t number = 0; number < before.counters(row).size(); number++) {
            const auto& counter = before.counters(row)[number];
            mine[number].packets += counter.packets;
            mine[number].bytes += counter.bytes;
            mine[number].flows += counter.flows;
        }
    auto& total = after.totals().back();
    for (const auto& row : before.totals()) {
        for (size_t reason = 0; reason < WEIR_REASONS_MAX; reason++)
            total.packets[reason] += row.packets[reason];
        total.table_full += row.table_full;
        total.evicted += row.evicted;
    }
}

}  // namespace weir::engine::xdp
