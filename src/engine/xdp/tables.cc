#include "engine/xdp/tables.h"

#include <linux/bpf.h>
#include <sys/random.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <set>

#include "base/log.h"
#include "engine/xdp/frontend_table.h"

namespace weir::engine::xdp {
namespace {

uint32_t lines_for(uint32_t entries) {
    return (entries + WEIR_RING_LINE - 1) / WEIR_RING_LINE;
}

/// Frontends, and one row more for each VIP.
size_t frontend_rows(const model::Plan& plan) {
    std::set<net::Ip> vips;
    for (const auto& frontend : plan.frontends) vips.insert(frontend.key.vip);
    return plan.frontends.size() + vips.size();
}

std::vector<model::TargetKey> targets_of(const model::Plan& plan) {
    std::vector<model::TargetKey> keys;
    for (const auto& frontend : plan.frontends)
        for (const auto& target : frontend.targets) keys.push_back({frontend.key, target.backend.address});
    return keys;
}

uint32_t flow_buckets_for(uint32_t flows) {
    // Eight entries a bucket at a quarter load: then hardly ever is one full.
    return std::bit_ceil(std::max(flows / 2, 64u));
}

/// What a plan needs at the least; roomy() adds the room to grow.
Sizes least_sizes(const model::Plan& plan) {
    Sizes sizes;
    size_t targets = 1;
    uint32_t lines = 0, longest = 0;
    for (const auto& frontend : plan.frontends) {
        targets += frontend.targets.size();
        lines += lines_for(frontend.scheduler.table_size);
        longest = std::max(longest, lines_for(frontend.scheduler.table_size));
    }
    sizes.frontend_slots = frontend_slots_for(frontend_rows(plan));
    sizes.target_slots = std::bit_ceil(static_cast<uint32_t>(targets));
    sizes.ring_lines = lines + longest;
    sizes.flow_buckets = flow_buckets_for(plan.flows.size);
    return sizes;
}

Sizes roomy(Sizes sizes) {
    sizes.frontend_slots = std::max(sizes.frontend_slots * 2, 1024u);
    sizes.target_slots = std::clamp(sizes.target_slots * 2, 1024u, WEIR_MAX_TARGETS);
    sizes.ring_lines += sizes.ring_lines / 4 + 8 * lines_for(model::Scheduler{}.table_size);
    return sizes;
}

weir_accepts to_abi(model::Accepts accepts) {
    switch (accepts) {
        case model::Accepts::nothing:
            return WEIR_ACCEPTS_NOTHING;
        case model::Accepts::established:
            return WEIR_ACCEPTS_ESTABLISHED;
        case model::Accepts::all:
            return WEIR_ACCEPTS_ALL;
    }
    return WEIR_ACCEPTS_NOTHING;
}

constexpr std::array<const char*, WEIR_REASONS> kReasonNames{
    "forwarded",
#define REASON(name, verdict, text) #name,
#include "engine/xdp/reasons.def"
#undef REASON
};

constexpr std::array<bool, WEIR_REASONS> kReasonDrops{
    false,
#define PASS false
#define DROP true
#define REASON(name, verdict, text) verdict,
#include "engine/xdp/reasons.def"
#undef REASON
#undef PASS
#undef DROP
};

/// Entries of a table of another size: those whose bucket is now decided by more bits of their hash than the
/// entry tells go to each bucket that may be theirs; in the wrong one nobody finds them, and they expire.
void copy_flows(Rows<weir_bucket> from, Rows<weir_bucket> to) {
    for (size_t i = 0; i < std::max(from.size(), to.size()); i++) {
        auto& target = to[i & (to.size() - 1)];
        for (auto entry : from[i & (from.size() - 1)].entry) {
            auto* room = std::ranges::find(target.entry, 0u);
            if (entry != 0 && room != std::end(target.entry)) *room = entry;
        }
    }
}

}  // namespace

Tables::Tables(std::string directory, Switch put_in_force, Ticks ticks, Grace grace)
    : directory_(std::move(directory)),
      put_in_force_(std::move(put_in_force)),
      ticks_(std::move(ticks)),
      grace_(std::move(grace)) {}

Result<std::unique_ptr<Tables>> Tables::open(std::string directory, Switch put_in_force) {
    auto ticks = Ticks::open();
    if (!ticks) return propagate(ticks);
    auto grace = Grace::open();
    if (!grace) return propagate(grace);
    std::unique_ptr<Tables> tables(
        new Tables(std::move(directory), std::move(put_in_force), std::move(*ticks), std::move(*grace)));
    if (tables->directory_.empty()) return tables;
    auto pinned = Datapath::open_pinned(tables->directory_);
    if (!std::ranges::any_of(pinned, [](const auto& fd) { return static_cast<bool>(fd); })) return tables;
    if (!Datapath::adoptable(pinned)) {
        spdlog::warn(
            "the tables under {} are another version's: starting with empty ones, flows are balanced anew",
            tables->directory_);
        return tables;
    }
    auto datapath = Datapath::load({}, tables->ticks_.shift(), std::move(pinned));
    if (!datapath) return propagate(datapath);
    tables->datapath_ = std::move(*datapath);
    tables->adopt();
    return tables;
}

void Tables::adopt() {
    auto half = datapath_->state().active & 1;
    numbers_ = Numbers::recover(datapath_->targets(half));
    space_.emplace(datapath_->sizes().ring_lines);
    for (const auto& row : datapath_->frontends(half)) {
        if (row.key.family == WEIR_NONE || row.ring_size == 0) continue;
        Lines lines{row.ring / WEIR_RING_LINE, lines_for(row.ring_size)};
        if (space_->reserve(lines)) rings_.emplace(from_abi(row.key), Ring{lines, {}, {}, row.ring_size});
    }
    std::ranges::copy(datapath_->state().generation[half].timeout, timeouts_.begin());
    scan_.emplace(datapath_->flows(), datapath_->sizes().target_slots);
}

std::vector<Recovered> Tables::recovered() const {
    std::vector<Recovered> recovered;
    if (!datapath_) return recovered;
    auto rows = datapath_->targets(datapath_->state().active & 1);
    for (const auto& [key, number] : numbers_.live()) {
        Recovered one{key, static_cast<model::Accepts>(rows[number].accepts), {}};
        std::ranges::copy(rows[number].mac, one.hop.mac.bytes.begin());
        std::ranges::copy(rows[number].source_mac, one.hop.source_mac.bytes.begin());
        recovered.push_back(one);
    }
    return recovered;
}

std::optional<int> Tables::program() const {
    if (!datapath_) return std::nullopt;
    return datapath_->program();
}

bool Tables::has_room_for(const model::Plan& plan) const {
    if (!datapath_) return false;
    auto need = least_sizes(plan);
    const auto& have = datapath_->sizes();
    return have.frontend_slots >= need.frontend_slots && have.ring_lines >= need.ring_lines &&
           have.flow_buckets == need.flow_buckets && have.target_slots >= numbers_.needed(targets_of(plan));
}

/// Loads the program again with larger tables. It comes into force when they are written.
Status Tables::grow(const model::Plan& plan) {
    auto need = least_sizes(plan);
    need.target_slots = std::bit_ceil(static_cast<uint32_t>(numbers_.needed(targets_of(plan))));
    auto sizes = roomy(need);
    if (datapath_) sizes.target_slots = std::max(sizes.target_slots, datapath_->sizes().target_slots);
    Maps kept;
    constexpr auto kFlows = static_cast<size_t>(MapName::flows);
    bool same_flows = datapath_ && datapath_->sizes().flow_buckets == sizes.flow_buckets;
    if (same_flows) kept[kFlows] = std::move(datapath_->share()[kFlows]);
    auto loaded = Datapath::load(sizes, ticks_.shift(), std::move(kept));
    if (!loaded) return propagate(loaded);

    if (datapath_) {
        (*loaded)->state().secret = datapath_->state().secret;
        if (!same_flows) copy_flows(datapath_->flows(), (*loaded)->flows());
    } else if (getrandom(&(*loaded)->state().secret, sizeof(uint64_t), 0) < 0) {
        return fail_with(errno, "cannot get a random key");
    }
    if (in_force_ || !former_) former_ = std::move(datapath_);
    datapath_ = std::move(*loaded);
    in_force_ = false;
    space_.emplace(sizes.ring_lines);
    rings_.clear();
    leaving_.clear();
    scan_.emplace(datapath_->flows(), sizes.target_slots);
    return {};
}

Status Tables::apply(const model::Plan& plan, const Hops& hops) {
    if (!has_room_for(plan))
        if (auto grown = grow(plan); !grown) return grown;
    if (auto assigned = numbers_.assign(targets_of(plan), datapath_->sizes().target_slots); !assigned)
        return assigned;
    timeouts_ = {ticks_.at_least(plan.flows.handshake), ticks_.at_least(plan.flows.established),
                 ticks_.at_least(plan.flows.closing), ticks_.at_least(plan.flows.udp)};

    // Where the new rings do not fit beside the old ones, they go into force in several generations.
    size_t written = 0;
    do {
        settle();
        auto before = written;
        written = write_rings(plan, hops, written);
        if (written == before && leaving_.empty() && written < plan.frontends.size()) {
            // Nothing is left to be freed, and no run is long enough: the space is in pieces.
            if (auto grown = grow(plan); !grown) return grown;
            written = 0;
            continue;
        }
        write_generation(plan, hops);
    } while (written < plan.frontends.size());
    return in_force_ ? Status{} : put_in_force();
}

Status Tables::put_in_force() {
    if (auto switched = put_in_force_(datapath_->program()); !switched) return switched;
    if (!directory_.empty())
        if (auto pinned = datapath_->pin(directory_); !pinned) return pinned;
    in_force_ = true;
    if (!former_) return {};
    // What the former tables counted goes to the row that no CPU writes.
    grace_.wait();
    auto mine = datapath_->counters(datapath_->cpus());
    for (uint32_t row = 0; row <= former_->cpus(); row++)
        for (size_t number = 0; number < former_->counters(row).size(); number++) {
            const auto& counter = former_->counters(row)[number];
            mine[number].packets += counter.packets;
            mine[number].bytes += counter.bytes;
            mine[number].flows += counter.flows;
        }
    auto& total = datapath_->totals().back();
    for (const auto& row : former_->totals()) {
        for (size_t reason = 0; reason < WEIR_REASONS_MAX; reason++)
            total.packets[reason] += row.packets[reason];
        total.table_full += row.table_full;
    }
    former_.reset();
    return {};
}

/// Waits until no packet reads the generation before this one, so that its half and its rings may be written.
void Tables::settle() {
    grace_.wait();
    for (auto lines : leaving_) space_->release(lines);
    leaving_.clear();
}

/// Writes the rings that differ, from that frontend on; returns the first for which there was no room.
size_t Tables::write_rings(const model::Plan& plan, const Hops& hops, size_t from) {
    Built built;
    for (; from < plan.frontends.size(); from++) {
        if (!write_ring(plan.frontends[from], hops, built)) break;
        if (built.size() > 32) built.clear();  // a table is a quarter of a megabyte
    }
    return from;
}

bool Tables::write_ring(const model::Frontend& frontend, const Hops& hops, Built& built) {
    std::vector<sched::Candidate> candidates;
    for (const auto& target : frontend.targets)
        if (target.accepts == model::Accepts::all && hops.contains(target.backend.address))
            candidates.push_back({target.backend.address, target.backend.weight});
    auto found = rings_.find(frontend.key);
    if (found != rings_.end() && found->second.candidates == candidates &&
        found->second.scheduler == frontend.scheduler)
        return true;
    Ring ring{{}, frontend.scheduler, candidates, candidates.empty() ? 0 : frontend.scheduler.table_size};
    if (ring.size > 0) {
        auto lines = space_->allocate(lines_for(ring.size));
        if (!lines) return false;
        ring.lines = *lines;
        auto [table, is_new] = built.try_emplace({frontend.scheduler, candidates});
        if (is_new) table->second = sched::build_table(frontend.scheduler, candidates);
        std::vector<uint32_t> numbers;
        for (const auto& candidate : candidates)
            numbers.push_back(numbers_.find({frontend.key, candidate.address}));
        for (uint32_t i = 0; i < ring.size; i++)
            datapath_->rings()[lines->first + i / WEIR_RING_LINE].target[i % WEIR_RING_LINE] =
                numbers[table->second[i]];
    }
    if (found != rings_.end() && found->second.size > 0) leaving_.push_back(found->second.lines);
    rings_.insert_or_assign(frontend.key, std::move(ring));
    return true;
}

void Tables::write_targets(const model::Plan& plan, const Hops& hops, Rows<weir_target> rows) const {
    std::ranges::fill(rows, weir_target{});
    for (size_t i = 0; i < plan.frontends.size(); i++) {
        const auto& frontend = plan.frontends[i];
        for (const auto& target : frontend.targets) {
            auto& row = rows[numbers_.find({frontend.key, target.backend.address})];
            row.frontend = static_cast<uint32_t>(i) + 1;
            row.family = target.backend.address.is_v4() ? WEIR_V4 : WEIR_V6;
            row.key = to_abi(frontend.key);
            row.backend = to_abi(target.backend.address);
            auto hop = hops.find(target.backend.address);
            if (hop == hops.end()) continue;
            row.accepts = to_abi(target.accepts);
            std::ranges::copy(hop->second.mac.bytes, row.mac);
            std::ranges::copy(hop->second.source_mac.bytes, row.source_mac);
        }
    }
    for (const auto& [number, key] : numbers_.retired()) {
        rows[number].retired = 1;
        rows[number].family = key.backend.is_v4() ? WEIR_V4 : WEIR_V6;
        rows[number].key = to_abi(key.frontend);
        rows[number].backend = to_abi(key.backend);
    }
}

/// Returns the salt with which the rows were laid.
uint64_t Tables::write_frontends(const model::Plan& plan, Rows<weir_frontend> rows) {
    std::vector<weir_frontend> wanted;
    std::set<net::Ip> vips;
    for (size_t i = 0; i < plan.frontends.size(); i++) {
        weir_frontend row{};
        row.key = to_abi(plan.frontends[i].key);
        row.number = static_cast<uint32_t>(i) + 1;
        row.flow_key = weir_places(&row.key, datapath_->state().secret);
        if (auto ring = rings_.find(plan.frontends[i].key); ring != rings_.end()) {
            row.ring = ring->second.lines.first * WEIR_RING_LINE;
            row.ring_size = ring->second.size;
        }
        wanted.push_back(row);
        if (!vips.insert(plan.frontends[i].key.vip).second) continue;
        row = {};
        row.key = to_abi(plan.frontends[i].key);
        row.key.port = 0;
        row.key.protocol = 0;
        wanted.push_back(row);
    }
    // A quarter load always finds a salt: has_room_for() sees to it.
    auto table = lay_frontends(wanted, static_cast<uint32_t>(rows.size()), datapath_->state().secret);
    assert(table);
    std::ranges::copy(table->slots, rows.begin());
    return table->salt;
}

void Tables::write_generation(const model::Plan& plan, const Hops& hops) {
    // Rings of frontends that left the plan.
    std::set<model::FrontendKey> keys;
    for (const auto& frontend : plan.frontends) keys.insert(frontend.key);
    for (auto it = rings_.begin(); it != rings_.end();) {
        if (keys.contains(it->first)) {
            ++it;
            continue;
        }
        if (it->second.size > 0) leaving_.push_back(it->second.lines);
        it = rings_.erase(it);
    }
    auto& state = datapath_->state();
    uint32_t half = (state.active & 1) ^ 1;
    write_targets(plan, hops, datapath_->targets(half));
    auto& generation = state.generation[half];
    generation.salt = write_frontends(plan, datapath_->frontends(half));
    generation.unmatched_pass = plan.unmatched == model::Unmatched::pass;
    std::ranges::copy(timeouts_, generation.timeout);
    __atomic_store_n(&state.active, half, __ATOMIC_RELEASE);
}

void Tables::scan() {
    if (!datapath_) return;
    constexpr size_t kSteps = 100;
    auto step = std::max<size_t>(datapath_->flows().size() / kSteps, 1);
    if (!scan_->step(step, ticks_.now(), timeouts_)) return;
    // A number that comes free starts from zero with its next target.
    for (auto number : numbers_.release(scan_->entries_by_number()))
        for (uint32_t row = 0; row <= datapath_->cpus(); row++) datapath_->counters(row)[number] = {};
}

void Tables::observe(Observation& into) const {
    if (!datapath_) return;
    for (const auto& [key, number] : numbers_.live()) {
        Traffic traffic;
        traffic.flows_active = scan_->entries_by_number()[number];
        for (uint32_t row = 0; row <= datapath_->cpus(); row++) {
            const auto& counter = datapath_->counters(row)[number];
            traffic.flows_total += counter.flows;
            traffic.packets_total += counter.packets;
            traffic.bytes_total += counter.bytes;
        }
        into.targets.emplace(key, traffic);
    }
    for (size_t reason = 1; reason < WEIR_REASONS; reason++) {
        uint64_t packets = 0;
        for (const auto& row : datapath_->totals()) packets += row.packets[reason];
        into.not_forwarded.push_back({kReasonNames[reason], kReasonDrops[reason], packets});
    }
    into.flow_table.capacity = datapath_->flows().size() * WEIR_WAYS;
    into.flow_table.used = scan_->used();
    for (const auto& row : datapath_->totals()) into.flow_table.full_total += row.table_full;
}

Result<Verdict> Tables::ask(std::span<const uint8_t> frame) const {
    if (!datapath_) return fail("the datapath has no tables yet");
    auto answer = datapath_->ask(frame);
    if (!answer) return propagate(answer);
    const auto& trace = answer->trace;
    switch (answer->verdict) {
        case XDP_TX: {
            const auto& row = datapath_->targets(datapath_->state().active & 1)[trace.target];
            return Verdict{"forward", from_abi(row.backend, row.family),
                           trace.from_flow ? "flow table" : "scheduler"};
        }
        case XDP_PASS:
            return Verdict{"pass", {}, kReasonNames[trace.reason]};
        case XDP_DROP:
            return Verdict{"drop", {}, kReasonNames[trace.reason]};
        default:
            return fail("the datapath answered with XDP action {}", answer->verdict);
    }
}

}  // namespace weir::engine::xdp
