// What Tables does for rings: which of them a plan changes, and what they say then.
#include <set>

#include "engine/xdp/sizing.h"
#include "engine/xdp/tables.h"
#include "sched/candidates.h"

namespace weir::engine::xdp {
namespace {

constexpr size_t kAtOnce = 32;  // rings whose tables are built at a time; one is a quarter of a megabyte

}  // namespace

/// Of a ring that has to be written; nothing where it is as it should be.
std::optional<Tables::Candidates> Tables::new_candidates(const FrontendItem& item, const SharedHops& hops) {
    const auto& frontend = *item;
    auto found = rings_.find(frontend.key);
    if (found != rings_.end() && found->second.made_of == item && found->second.hops == hops)
        return std::nullopt;
    auto candidates = sched::candidates_of(frontend, [&](const model::Target& target) {
        auto hop = hops->find(target.backend.address);
        return hop != hops->end() && !why_not(frontend, target.backend.address, hop->second);
    });
    if (found == rings_.end() || found->second.candidates != candidates ||
        found->second.scheduler != frontend.scheduler)
        return candidates;
    found->second.made_of = item;
    found->second.hops = hops;
    return std::nullopt;
}

/// Writes the rings that differ, from that frontend on; returns the first for which there was no room. Their
/// tables are built on all CPUs, equal ones once.
size_t Tables::write_rings(const model::Plan& plan, const SharedHops& hops, size_t from) {
    Built built;
    while (from < plan.frontends.size()) {
        if (built.size() > kAtOnce) built.clear();
        std::vector<std::pair<size_t, Candidates>> changed;
        for (; from < plan.frontends.size() && changed.size() < kAtOnce; from++)
            if (auto candidates = new_candidates(plan.frontends.item(from), hops))
                changed.emplace_back(from, std::move(*candidates));
        for (const auto& [place, candidates] : changed) {
            auto [table, is_new] = built.try_emplace({plan.frontends[place].scheduler, candidates});
            if (is_new)
                table->second = std::async([&of = table->first] {
                                    return sched::build_table(of.first, of.second);
                                }).share();
        }
        for (const auto& [place, candidates] : changed) {
            const auto& table = built.at({plan.frontends[place].scheduler, candidates}).get();
            if (!write_ring({.made_of = plan.frontends.item(place), .hops = hops, .candidates = candidates},
                            table))
                return place;
        }
    }
    return from;
}

/// False where there is no room.
bool Tables::write_ring(Ring ring, const std::vector<uint32_t>& table) {
    const auto& frontend = *ring.made_of;
    ring.scheduler = frontend.scheduler;
    ring.size = static_cast<uint32_t>(table.size());
    if (ring.size > 0) {
        auto lines = space_->allocate(lines_for(ring.size));
        if (!lines) return false;
        ring.lines = *lines;
        std::vector<uint32_t> numbers;
        for (const auto& candidate : *ring.candidates)
            numbers.push_back(numbers_.find({frontend.key, candidate.address}));
        for (uint32_t i = 0; i < ring.size; i++)
            datapath_->rings()[lines->first + i / WEIR_RING_LINE].target[i % WEIR_RING_LINE] =
                numbers[table[i]];
    }
    auto former = rings_.find(frontend.key);
    if (former != rings_.end() && former->second.size > 0) replaced_.push_back(former->second.lines);
    rings_.insert_or_assign(frontend.key, std::move(ring));
    return true;
}

/// Of frontends that left the plan.
void Tables::drop_rings(const model::Plan& plan) {
    std::set<model::FrontendKey> keys;
    for (const auto& frontend : plan.frontends) keys.insert(frontend.key);
    for (auto it = rings_.begin(); it != rings_.end();) {
        if (keys.contains(it->first)) {
            ++it;
            continue;
        }
        if (it->second.size > 0) replaced_.push_back(it->second.lines);
        it = rings_.erase(it);
    }
}

}  // namespace weir::engine::xdp
