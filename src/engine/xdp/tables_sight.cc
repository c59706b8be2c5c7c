// What Tables sees: counts, flows, and what becomes of a frame.
#include <linux/bpf.h>

#include <algorithm>

#include "engine/xdp/tables.h"

namespace weir::engine::xdp {
namespace {

constexpr std::array<const char*, WEIR_REASONS> kReasonNames{
    "forwarded",
#define REASON(name, verdict, text) #name,
#include "engine/xdp/reasons.def"
#undef REASON
};

constexpr std::array<const char*, WEIR_REASONS> kReasonVerdicts{
    "",
#define PASS "pass"
#define DROP "drop"
#define REPLY "reply"
#define REASON(name, verdict, text) verdict,
#include "engine/xdp/reasons.def"
#undef REASON
#undef PASS
#undef DROP
#undef REPLY
};

FlowStates states(const EntryCount& count) {
    return {count.flows[WEIR_NEW], count.flows[WEIR_ESTABLISHED], count.flows[WEIR_CLOSING],
            count.flows[WEIR_DATAGRAM]};
}

}  // namespace

std::vector<Conflict> Tables::take_conflicts() {
    return datapath_ ? xdp::take_conflicts(datapath_->state().conflict) : std::vector<Conflict>{};
}

Status Tables::beat(std::chrono::milliseconds time) const {
    return datapath_ ? datapath_->beat(time) : Status{};
}

void Tables::scan() {
    if (!datapath_) return;
    auto now = ticks_.now();
    if (!now) return;
    if (datapath_->state().former_secret && std::chrono::steady_clock::now() > former_secret_until_)
        __atomic_store_n(&datapath_->state().former_secret, 0, __ATOMIC_RELAXED);
    constexpr size_t kSteps = 100;
    auto step = std::max<size_t>(datapath_->flows().size() / kSteps, 1);
    if (datapath_->sizes().nat_flows > 0) {
        auto rows = std::max<uint32_t>(datapath_->sizes().nat_flows / kSteps, 256);
        new_translations_->step(rows, *now, timeouts_);
        translations_->step(rows, *now, timeouts_);
    }
    if (!scan_->step(step, *now, timeouts_)) return;
    ++counts_;
    auto is_named = [&](uint32_t number) { return scan_->by_number()[number].entries() > 0; };
    // A number that comes free starts from zero with its next target.
    for (auto number : numbers_.release(is_named))
        for (uint32_t row = 0; row <= datapath_->cpus(); row++) datapath_->counters(row)[number] = {};
}

Traffic Tables::traffic_of(uint32_t number) const {
    Traffic traffic;
    traffic.flows = states(scan_->by_number()[number]);
    traffic.flows_active = traffic.flows.total();
    for (uint32_t row = 0; row <= datapath_->cpus(); row++) {
        const auto& counter = datapath_->counters(row)[number];
        traffic.flows_total += counter.flows;
        traffic.packets_total += counter.packets;
        traffic.bytes_total += counter.bytes;
    }
    return traffic;
}

void Tables::observe_targets(Observation& into) const {
    if (!datapath_) return;
    for (const auto& [key, number] : numbers_.live())
        into.targets.emplace_hint(into.targets.end(), key, traffic_of(number));
}

void Tables::observe(Observation& into, const std::vector<model::TargetKey>& targets) const {
    if (!datapath_) return;
    for (const auto& key : targets)
        if (auto number = numbers_.find(key)) into.targets.emplace(key, traffic_of(number));
    for (size_t reason = 1; reason < WEIR_REASONS; reason++) {
        uint64_t packets = 0;
        for (const auto& row : datapath_->totals()) packets += row.packets[reason];
        into.not_forwarded.push_back({kReasonNames[reason], kReasonVerdicts[reason], packets});
    }
    into.flow_table.capacity = datapath_->flows().size() * WEIR_WAYS;
    into.flow_table.used = scan_->all().entries();
    into.flow_table.flows = states(scan_->all());
    into.flow_table.sources = scan_->all().sources;
    into.flow_table.counts_total = counts_;
    for (const auto& row : datapath_->totals()) {
        into.flow_table.full_total += row.table_full;
        into.flow_table.evicted_total += row.evicted;
    }
    into.flow_table.nat_capacity = datapath_->sizes().nat_flows;
    into.flow_table.nat_used = (new_translations_->used() + translations_->used()) / 2;
}

Verdict Tables::explain(uint32_t action, const weir_trace& trace, uint32_t half) const {
    if (trace.reason != WEIR_FORWARDED) {
        auto verdict = action == XDP_TX ? "reply" : action == XDP_PASS ? "pass" : "drop";
        return {verdict, {}, kReasonNames[trace.reason]};
    }
    const auto& name = datapath_->names(half)[trace.target];
    return {"forward", from_abi(name.backend, name.family), trace.from_flow ? "flow table" : "scheduler"};
}

Result<Verdict> Tables::ask(std::span<const uint8_t> frame, int interface) const {
    if (!datapath_) return fail("the datapath has no tables yet");
    auto answer = datapath_->run(WEIR_DRY_RUN, frame, interface);
    if (!answer) return propagate(answer);
    auto half = datapath_->state().active & 1;
    auto verdict = explain(answer->verdict, answer->trace, half);
    const auto* frontend = frontend_of(answer->trace, half);
    if (frontend && !frontend->by_flow && !answer->trace.from_flow) verdict.backend.reset();
    return verdict;
}

Result<Replayed> Tables::replay(std::span<const uint8_t> frame, int interface) {
    if (!datapath_) return fail("the datapath has no tables yet");
    auto answer = datapath_->run(WEIR_TRACED, frame, interface);
    if (!answer) return propagate(answer);
    return Replayed{decide(answer->verdict, answer->trace, datapath_->state().active & 1),
                    std::move(answer->frame)};
}

}  // namespace weir::engine::xdp
