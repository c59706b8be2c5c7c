// Counters that only grow, out of the kernel's, which begin anew with every destination that is made again.
#pragma once

#include <map>

#include "engine/engine.h"
#include "engine/ipvs/service.h"

namespace weir::engine::ipvs {

class Totals {
  public:
    /// What the kernel says now; nothing where it has no such destination.
    void note(const model::TargetKey& target, const Use& now) {
        auto& [before, last] = counts_[target];
        if (now.connections_total < last.connections_total || now.packets_total < last.packets_total ||
            now.bytes_total < last.bytes_total) {
            before.connections_total += last.connections_total;
            before.packets_total += last.packets_total;
            before.bytes_total += last.bytes_total;
        }
        last = now;
    }

    Traffic of(const model::TargetKey& target) const {
        auto found = counts_.find(target);
        if (found == counts_.end()) return {};
        const auto& [before, last] = found->second;
        return {.flows_active = uint64_t{last.active} + last.inactive,
                .flows_total = before.connections_total + last.connections_total,
                .packets_total = before.packets_total + last.packets_total,
                .bytes_total = before.bytes_total + last.bytes_total,
                .flows = states(target.frontend, last)};
    }

    /// Forgets all for which `leaves` holds.
    template <class Leaves>
    void forget(Leaves leaves) {
        std::erase_if(counts_, [&](const auto& entry) { return leaves(entry.first); });
    }

  private:
    struct Count {
        Use before{}, last{};
    };

    /// IPVS tells established connections from all others, and of UDP none is.
    static FlowStates states(const model::FrontendKey& frontend, const Use& use) {
        if (frontend.protocol == model::Protocol::tcp || frontend.is_mark())
            return {.established = use.active, .closing = use.inactive};
        return {.datagram = uint64_t{use.active} + use.inactive};
    }

    std::map<model::TargetKey, Count> counts_;
};

}  // namespace weir::engine::ipvs
