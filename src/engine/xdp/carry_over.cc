#include "engine/xdp/carry_over.h"

#include <algorithm>

namespace weir::engine::xdp {

void copy_flows(Rows<weir_bucket> from, Rows<weir_bucket> to) {
    auto same_flow = [](uint64_t a, uint64_t b) { return (a ^ b) >> WEIR_TAG_SHIFT == 0; };
    for (size_t i = 0; i < std::max(from.size(), to.size()); i++) {
        auto& bucket = to[i & (to.size() - 1)];
        for (auto entry : from[i & (from.size() - 1)].entry) {
            bool known = entry == 0 || std::ranges::any_of(bucket.entry, [&](uint64_t other) {
                             return other != 0 && same_flow(entry, other);
                         });
            for (auto* room = std::begin(bucket.entry); !known && room != std::end(bucket.entry); ++room) {
                __u64 free = 0;
                known = __atomic_compare_exchange_n(room, &free, entry, false, __ATOMIC_RELAXED,
                                                    __ATOMIC_RELAXED);
            }
        }
    }
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
