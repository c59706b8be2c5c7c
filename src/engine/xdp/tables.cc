#include "engine/xdp/tables.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <sys/random.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <set>

#include "base/log.h"
#include "engine/xdp/carry_over.h"
#include "engine/xdp/frontend_table.h"
#include "engine/xdp/migration.h"
#include "engine/xdp/quic_rows.h"
#include "engine/xdp/sizing.h"

namespace weir::engine::xdp {
namespace {

constexpr auto kLongestFlow = std::chrono::minutes(65);  // no timeout is longer than an hour

std::vector<model::TargetKey> targets_of(const model::Plan& plan) {
    std::vector<model::TargetKey> keys;
    for (const auto& frontend : plan.frontends)
        for (const auto& target : frontend.targets) keys.push_back({frontend.key, target.backend.address});
    return keys;
}

std::string name_of(uint32_t interface) {
    char name[IF_NAMESIZE];
    return if_indextoname(interface, name) ? name : fmt::format("number {}", interface);
}

bool looks_at_flow(model::SchedulerKind kind) {
    return kind != model::SchedulerKind::rr && kind != model::SchedulerKind::random;
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
    auto datapath = take_over(std::move(pinned), tables->ticks_);
    if (!datapath) {
        spdlog::warn("the tables under {} cannot be taken over: {}; flows are balanced anew",
                     tables->directory_, datapath.error().message);
        return tables;
    }
    tables->datapath_ = std::move(*datapath);
    tables->adopt();
    return tables;
}

void Tables::adopt() {
    auto half = datapath_->state().active & 1;
    numbers_ = Numbers::recover(datapath_->names(half));
    space_.emplace(datapath_->sizes().ring_lines);
    // The rows tell no ranges, but their targets' names do.
    std::map<uint32_t, model::FrontendKey> keys;
    for (const auto& [key, number] : numbers_.live())
        keys.emplace(datapath_->targets(half)[number].frontend, key.frontend);
    for (const auto& row : datapath_->frontends(half)) {
        if (row.key.family == WEIR_NONE || row.ring_size == 0 || !keys.contains(row.number)) continue;
        Lines lines{row.ring / WEIR_RING_LINE, lines_for(row.ring_size)};
        if (rings_.contains(keys[row.number]) || !space_->reserve(lines)) continue;
        rings_.emplace(keys[row.number], Ring{.lines = lines, .size = row.ring_size});
    }
    std::ranges::copy(datapath_->state().generation[half].timeout, timeouts_.begin());
    begin_scans();
}

void Tables::begin_scans() {
    scan_.emplace(datapath_->flows(), datapath_->sizes().target_slots);
    sharing_.reset();
    former_secret_until_ = std::chrono::steady_clock::now() + kLongestFlow;
    new_translations_.emplace(datapath_->map(MapName::nat_new));
    translations_.emplace(datapath_->map(MapName::nat));
}

std::vector<Recovered> Tables::recovered() const {
    std::vector<Recovered> recovered;
    if (!datapath_) return recovered;
    auto rows = datapath_->targets(datapath_->state().active & 1);
    for (const auto& [key, number] : numbers_.live())
        recovered.push_back({key, static_cast<model::Accepts>(rows[number].accepts),
                             hop_of(rows[number], key.backend.family())});
    return recovered;
}

std::optional<int> Tables::program() const {
    if (!datapath_) return std::nullopt;
    return capture_ ? capture_->ring->program() : datapath_->program();
}

size_t Tables::numbers_needed(const model::Plan& plan) const {
    bool known = numbered_ && model::same_targets(*numbered_, plan);
    return numbers_.needed(known ? std::vector<model::TargetKey>() : targets_of(plan));
}

bool Tables::has_room_for(const model::Plan& plan, const Sizes& need) const {
    if (!datapath_ || !has_secret_of(plan)) return false;
    const auto& have = datapath_->sizes();
    return have.frontend_slots >= need.frontend_slots && have.ring_lines >= need.ring_lines &&
           have.flow_buckets == need.flow_buckets && have.quic_tables >= need.quic_tables &&
           have.quic_servers >= need.quic_servers &&
           (have.nat_flows == need.nat_flows || need.nat_flows == 0) &&
           have.target_slots >= numbers_needed(plan);
}

bool Tables::has_secret_of(const model::Plan& plan) const {
    return !plan.flow_secret || *plan.flow_secret == datapath_->state().secret;
}

/// Of a datapath that takes the place of the present one.
Status Tables::set_secret(weir_state& state, const model::Plan& plan) const {
    if (!datapath_) {
        if (plan.flow_secret)
            state.secret = *plan.flow_secret;
        else if (getrandom(&state.secret, sizeof state.secret, 0) < 0)
            return fail_with(errno, "cannot get a random key");
        return {};
    }
    const auto& present = datapath_->state();
    state.secret = present.secret;
    state.former_secret = present.former_secret;
    if (has_secret_of(plan)) return {};
    state.secret = *plan.flow_secret;
    state.former_secret = present.secret;
    spdlog::info("the flows are entered under the group's secret from now on; those that there are stay");
    return {};
}

/// Loads the program again with larger tables, or another secret. It comes into force when they are written.
Status Tables::grow(const model::Plan& plan, Sizes need) {
    need.target_slots = std::bit_ceil(static_cast<uint32_t>(numbers_needed(plan)));
    auto sizes = roomy(need);
    Maps kept;
    if (datapath_) {
        sizes.target_slots = std::max(sizes.target_slots, datapath_->sizes().target_slots);
        auto keep = [&, shared = datapath_->share()](std::initializer_list<MapName> names) mutable {
            for (auto name : names) kept[index_of(name)] = std::move(shared[index_of(name)]);
        };
        if (applied_)
            if (auto former = least_sizes(applied_->plan)) cover(sizes, *former);
        if (need.nat_flows == 0) sizes.nat_flows = datapath_->sizes().nat_flows;
        if (datapath_->sizes().flow_buckets == sizes.flow_buckets) keep({MapName::flows});
        if (datapath_->sizes().nat_flows == sizes.nat_flows) keep({MapName::nat, MapName::nat_new});
        keep({MapName::interfaces, MapName::devices, MapName::fragments, MapName::watchdog});
    }
    auto loaded = Datapath::load(sizes, ticks_, std::move(kept));
    if (!loaded) return propagate(loaded);

    if (auto kept_or_new = set_secret((*loaded)->state(), plan); !kept_or_new) return kept_or_new;
    if (datapath_) std::ranges::copy(datapath_->state().conflict, (*loaded)->state().conflict);
    if (datapath_ && !former_) lay_aside();
    datapath_ = std::move(*loaded);
    carry_over();
    renew_capture();
    in_force_ = false;
    space_.emplace(sizes.ring_lines);
    rings_.clear();
    leaving_.clear();
    replaced_.clear();
    written_ = {};
    laid_.reset();
    begin_scans();
    return {};
}

void Tables::lay_aside() {
    former_.emplace(Former{std::move(datapath_), numbers_, numbered_, std::move(written_), std::move(space_),
                           std::move(rings_), std::move(replaced_), std::move(leaving_), std::move(scan_),
                           std::move(new_translations_), std::move(translations_), timeouts_, frontends_,
                           in_force_});
}

/// The datapath that was loaded last has not come into force.
void Tables::go_back() {
    const auto refused = std::exchange(datapath_, std::move(former_->datapath));
    numbers_ = std::move(former_->numbers);
    numbered_ = std::move(former_->numbered);
    written_ = std::move(former_->written);
    space_ = std::move(former_->space);
    rings_ = std::move(former_->rings);
    replaced_ = std::move(former_->replaced);
    leaving_ = std::move(former_->leaving);
    scan_ = std::move(former_->scan);
    new_translations_ = std::move(former_->new_translations);
    translations_ = std::move(former_->translations);
    sharing_.reset();
    keys_.reset();
    timeouts_ = former_->timeouts;
    frontends_ = std::move(former_->frontends);
    in_force_ = former_->in_force;
    bool exchanged = former_->exchanged;
    former_.reset();
    if (capture_ && capture_->former) capture_->ring = std::move(capture_->former);
    if (!directory_.empty()) Datapath::unpin_beside(directory_);
    // It may have got on some of the interfaces. Where a dead daemon's program still runs it is let be.
    if (!in_force_ && !exchanged) return;
    if (auto back = put_in_force_(*program()); !back)
        spdlog::error("cannot put the former program back: {}", back.error().message);
}

/// Brings the flows of the former tables into tables of another size: before these come into force, so that
/// each flow finds itself, and once more when no packet writes the former any longer, for the flows that
/// began in between.
void Tables::carry_over() const {
    if (!former_) return;
    const auto& from = *former_->datapath;
    const auto &before = from.sizes(), &after = datapath_->sizes();
    if (before.flow_buckets != after.flow_buckets) copy_flows(from.flows(), datapath_->flows());
    if (before.nat_flows == after.nat_flows || before.nat_flows == 0) return;
    for (auto name : {MapName::nat, MapName::nat_new})
        if (auto copied = copy_rows(from.map(name), datapath_->map(name)); !copied)
            spdlog::warn("{}; some flows of NAT services begin anew", copied.error().message);
}

Status Tables::apply(const model::Plan& plan, const SharedHops& hops) {
    auto applied = make_agree(plan, hops);
    if (!applied && former_) go_back();
    return applied;
}

Status Tables::make_room(const model::Plan& plan) {
    if (applied_ && same_sizes(applied_->plan, plan) && has_secret_of(plan)) return {};
    auto need = least_sizes(plan);
    if (!need) return propagate(need);
    if (has_room_for(plan, *need)) return {};
    // Loading the program again would not help.
    if (numbers_needed(plan) > WEIR_MAX_TARGETS) return numbers_.assign(targets_of(plan), WEIR_MAX_TARGETS);
    if (auto grown = grow(plan, *need); !grown) return grown;
    // A flow that begins while the others are carried over must find the ring that it has found before.
    bool moves = former_ && former_->datapath->sizes().flow_buckets != datapath_->sizes().flow_buckets;
    return moves && applied_ ? bring_into_force(applied_->plan, applied_->hops) : Status{};
}

Status Tables::make_agree(const model::Plan& plan, const SharedHops& hops) {
    if (auto made = make_room(plan); !made) return made;
    if (auto brought = bring_into_force(plan, hops); !brought) return brought;
    applied_ = {plan, hops};
    return {};
}

Status Tables::assign_numbers(const model::Plan& plan) {
    if (numbered_ && model::same_targets(*numbered_, plan)) return {};
    if (auto assigned = numbers_.assign(targets_of(plan), datapath_->sizes().target_slots); !assigned)
        return assigned;
    numbered_ = plan;
    return {};
}

Status Tables::bring_into_force(const model::Plan& plan, const SharedHops& hops) {
    if (auto assigned = assign_numbers(plan); !assigned) return assigned;
    // Where the new rings do not fit beside the old ones, they go into force in several generations.
    for (RingsWritten written; !written.all;) {
        settle();
        drop_rings(plan);
        written = write_rings(plan, hops);
        if (!written.all && written.count == 0 && replaced_.empty()) {
            // Nothing is left to be freed, and no run is long enough: the space is in pieces.
            auto need = least_sizes(plan);
            if (!need) return propagate(need);
            if (auto grown = grow(plan, *need); !grown) return grown;
            continue;
        }
        if (auto wrote = write_generation(plan, hops); !wrote) return wrote;
    }
    return in_force_ ? Status{} : put_in_force();
}

Status Tables::put_in_force() {
    // Pinned before they are in force: a table of programs that nobody holds is emptied by the kernel.
    if (!directory_.empty())
        if (auto pinned = datapath_->pin_beside(directory_); !pinned) return pinned;
    if (former_) former_->exchanged = true;
    if (auto switched = put_in_force_(*program()); !switched) return switched;
    if (!directory_.empty())
        if (auto pinned = Datapath::pin_in_place(directory_); !pinned) return pinned;
    in_force_ = true;
    if (!former_) return {};
    grace_.wait();
    leave_former_capture();
    carry_over();
    add_counts(*former_->datapath, *datapath_);
    former_.reset();
    return {};
}

/// Waits until no packet reads the generation before this one, so that its half and its rings may be written.
void Tables::settle() {
    if (passing_.valid())
        passing_.get();
    else
        grace_.wait();
    for (auto lines : leaving_) space_->release(lines);
    leaving_.clear();
}

/// Only the rows of frontends that are not the ones they were written from, unless numbers have changed.
void Tables::write_targets(const model::Plan& plan, const SharedHops& hops, uint32_t half) {
    auto rows = datapath_->targets(half);
    auto names = datapath_->names(half);
    bool several = plan.interfaces.size() > 1;
    auto former = std::exchange(written_[half], Written{plan, hops, numbers_.changes()});
    bool numbered = former && former->numbers == numbers_.changes();
    bool same_ways = former && former->hops == hops && (former->plan.interfaces.size() > 1) == several;
    if (!numbered) {
        std::ranges::fill(rows, weir_target{});
        std::ranges::fill(names, weir_name{});
        for (const auto& [number, key] : numbers_.retired()) names[number] = make_name(key, true);
    }
    for (size_t i = 0; i < plan.frontends.size(); i++) {
        bool known = numbered && i < former->plan.frontends.size() &&
                     former->plan.frontends.item(i) == plan.frontends.item(i);
        if (known && same_ways) continue;
        const auto& frontend = plan.frontends[i];
        auto numbers = numbers_.of(frontend);
        for (size_t k = 0; k < numbers.size(); k++) {
            const auto& target = frontend.targets[k];
            auto hop = hops->find(target.backend.address);
            rows[numbers[k]] = make_target(frontend, static_cast<uint32_t>(i) + 1, target,
                                           hop == hops->end() ? nullptr : &hop->second, several);
            if (!numbered) names[numbers[k]] = make_name({frontend.key, target.backend.address}, false);
        }
    }
}

const FrontendRows& Tables::rows_of(const model::Plan& plan) {
    if (!laid_ || !same_frontend_rows(laid_->plan, plan))
        laid_ = {plan, frontend_rows(plan, {.present = datapath_->state().secret,
                                            .former = datapath_->state().former_secret})};
    return laid_->rows;
}

Status Tables::write_frontends(const model::Plan& plan, uint32_t half) {
    auto quic = write_quic_tables(plan, datapath_->quics(half));
    if (!quic) return propagate(quic);
    if (auto wrote = write_servers(plan, numbers_, half, datapath_->map(MapName::servers)); !wrote)
        return wrote;
    auto wanted = rows_of(plan);
    for (auto& row : wanted.rows) {
        if (row.number == 0) continue;
        size_t place = row.number - 1;
        if (auto ring = rings_.find(plan.frontends[place].key); ring != rings_.end()) {
            row.ring = ring->second.lines.first * WEIR_RING_LINE;
            row.ring_size = ring->second.size;
        }
        if (auto table = quic->find(place); table != quic->end()) {
            row.flags |= WEIR_QUIC;
            row.quic = half * datapath_->sizes().quic_tables + table->second;
        }
    }
    // A quarter load always finds a salt: has_room_for() sees to it.
    auto rows = datapath_->frontends(half);
    auto table = lay_frontends(wanted.rows, static_cast<uint32_t>(rows.size()), datapath_->state().secret);
    assert(table);
    std::ranges::copy(table->slots, rows.begin());

    auto& generation = datapath_->state().generation[half];
    generation.salt = table->salt;
    generation.shapes = static_cast<uint32_t>(wanted.shapes.size());
    std::ranges::copy(wanted.shapes, generation.shape);
    generation.icmp_rate = plan.icmp.rate;
    auto flag = [](bool set, weir_generation_flags bit) { return set ? static_cast<uint32_t>(bit) : 0; };
    generation.flags = flag(plan.unmatched == model::Unmatched::pass, WEIR_UNMATCHED_PASS) |
                       flag(plan.interfaces.size() > 1, WEIR_SEVERAL) |
                       flag(wanted.wildcards, WEIR_WILDCARDS) | flag(uses_nat(plan), WEIR_HAS_NAT) |
                       flag(plan.icmp.echo, WEIR_ECHO);
    return {};
}

Status Tables::write_generation(const model::Plan& plan, const SharedHops& hops) {
    auto& state = datapath_->state();
    uint32_t half = (state.active & 1) ^ 1;
    write_targets(plan, hops, half);
    if (auto wrote = write_frontends(plan, half); !wrote) return wrote;
    frontends_[half].clear();
    for (const auto& frontend : plan.frontends)
        frontends_[half].push_back({frontend.key, frontend.service, looks_at_flow(frontend.scheduler.kind)});
    if (auto chosen = choose_captured(plan, half); !chosen) spdlog::warn("{}", chosen.error().message);
    const Timeouts timeouts{ticks_.at_least(plan.flows.handshake), ticks_.at_least(plan.flows.established),
                            ticks_.at_least(plan.flows.closing), ticks_.at_least(plan.flows.udp)};
    std::ranges::copy(timeouts, state.generation[half].timeout);
    __atomic_store_n(&state.active, half, __ATOMIC_RELEASE);
    timeouts_ = timeouts;
    leaving_ = std::exchange(replaced_, {});
    // Takes some milliseconds, which the next change need not wait for if it comes later.
    passing_ = std::async([this] { grace_.wait(); });
    return {};
}

/// A former daemon's that are none of ours.
void Tables::forget_ports_but(const Ports& ports) {
    int interfaces = datapath_->map(MapName::interfaces), devices = datapath_->map(MapName::devices);
    std::vector<uint32_t> others;
    uint32_t index = 0;
    for (const uint32_t* last = nullptr; !bpf_map_get_next_key(interfaces, last, &index); last = &index)
        if (!ports.contains(index)) others.push_back(index);
    for (auto other : others) {
        bpf_map_delete_elem(interfaces, &other);
        bpf_map_delete_elem(devices, &other);
    }
}

Status Tables::set_ports(const Ports& ports) {
    if (!datapath_ || ports == ports_) return {};
    if (ports_.empty()) forget_ports_but(ports);
    int interfaces = datapath_->map(MapName::interfaces), devices = datapath_->map(MapName::devices);
    for (const auto& [index, port] : ports) {
        weir_interface row{};
        std::ranges::copy(port.mac.bytes, row.mac);
        row.generic = port.generic;
        row.mtu = port.mtu;
        if (int error = bpf_map_update_elem(interfaces, &index, &row, BPF_ANY))
            return fail_with(-error, "cannot write the interface {}", name_of(index));
        auto out = port.bond ? port.bond : index;
        if (int error = bpf_map_update_elem(devices, &index, &out, BPF_ANY))
            return fail_with(-error, "cannot make interface {} a way out", name_of(index));
    }
    for (const auto& [index, port] : ports_) {
        if (ports.contains(index)) continue;
        bpf_map_delete_elem(interfaces, &index);
        bpf_map_delete_elem(devices, &index);
    }
    ports_ = ports;
    return {};
}

}  // namespace weir::engine::xdp
