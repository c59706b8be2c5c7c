// What Tables does for rings: which of them a plan changes, and what they say then.
#include <deque>
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

/// Writes the rings that differ, as far as there is room for them. Their tables are built on all CPUs, equal
/// ones once, whichever frontends have them.
Tables::RingsWritten Tables::write_rings(const model::Plan& plan, const SharedHops& hops) {
    std::map<std::pair<model::Scheduler, Candidates>, std::vector<size_t>> changed;
    for (size_t i = 0; i < plan.frontends.size(); i++)
        if (auto candidates = new_candidates(plan.frontends.item(i), hops))
            changed[{plan.frontends[i].scheduler, std::move(*candidates)}].push_back(i);
    std::deque<std::future<std::vector<uint32_t>>> building;
    auto next = changed.begin();
    RingsWritten written;
    for (const auto& [of, places] : changed) {
        for (; next != changed.end() && building.size() < kAtOnce; ++next)
            building.push_back(
                std::async([&of = next->first] { return sched::build_table(of.first, of.second); }));
        const auto table = building.front().get();
        building.pop_front();
        for (auto place : places) {
            Ring ring{.made_of = plan.frontends.item(place), .hops = hops, .candidates = of.second};
            if (!write_ring(std::move(ring), table)) return written;
            ++written.count;
        }
    }
    written.all = true;
    return written;
}

/// The numbers of a ring's candidates, which are some of the frontend's targets in their order.
std::vector<uint32_t> Tables::numbers_in(const Ring& ring) const {
    const auto& targets = ring.made_of->targets;
    auto all = numbers_.of(*ring.made_of);
    std::vector<uint32_t> numbers;
    size_t at = 0;
    for (const auto& candidate : *ring.candidates) {
        while (targets[at].backend.address != candidate.address) ++at;
        numbers.push_back(all[at]);
    }
    return numbers;
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
        const auto numbers = numbers_in(ring);
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
