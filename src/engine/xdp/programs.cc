#include "engine/xdp/programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "datapath.skel.h"

namespace weir::engine::xdp {
namespace {

// Of the flows that NAT translates those that have only begun.
constexpr uint32_t kLeastNew = 16384;

std::array<bpf_map*, kMapNames.size()> maps_of(const datapath_bpf& object) {
    const auto& maps = object.maps;
    return {maps.frontends, maps.targets, maps.names,      maps.rings,      maps.flows,   maps.counters,
            maps.totals,    maps.quics,   maps.data_state, maps.interfaces, maps.devices, maps.fragments,
            maps.nat_new,   maps.nat,     maps.servers,    maps.programs,   maps.watchdog};
}

/// The one that sees every packet, and the one that it leaves the rest to.
struct Pair {
    bpf_program* hot;
    bpf_program* general;
};

std::array<Pair, WEIR_WAYS_THROUGH> pairs_of(const datapath_bpf& object) {
    const auto& all = object.progs;
    return {{{all.weir, all.weir_general},
             {all.weir_dry, all.weir_general_dry},
             {all.weir_traced, all.weir_general_traced},
             {all.weir_capturing, all.weir_general_capturing}}};
}

/// 0: as the object says.
std::array<uint32_t, kMapNames.size()> rows_of(const Settings& settings) {
    const auto& sizes = settings.sizes;
    std::array<uint32_t, kMapNames.size()> rows{};
    auto of = [&](MapName name) -> uint32_t& { return rows[index_of(name)]; };
    of(MapName::frontends) = sizes.frontend_slots * 2;
    of(MapName::targets) = of(MapName::names) = sizes.target_slots * 2;
    of(MapName::rings) = sizes.ring_lines;
    of(MapName::flows) = sizes.flow_buckets;
    of(MapName::counters) = sizes.target_slots * (settings.cpus + 1);
    of(MapName::totals) = settings.cpus + 1;
    of(MapName::quics) = sizes.quic_tables * 2;
    of(MapName::servers) = sizes.quic_servers * 2;
    if (sizes.nat_flows > 0) {
        of(MapName::nat) = sizes.nat_flows * kRowsOfAFlow;
        of(MapName::nat_new) = std::max(sizes.nat_flows / 4, kLeastNew) * kRowsOfAFlow;
    }
    return rows;
}

Status set_up_maps(datapath_bpf& object, const Settings& settings, const Maps& kept) {
    auto maps = maps_of(object);
    auto rows = rows_of(settings);
    for (size_t i = 0; i < maps.size(); i++) {
        int error = kept[i]   ? bpf_map__reuse_fd(maps[i], kept[i].get())
                    : rows[i] ? bpf_map__set_max_entries(maps[i], rows[i])
                              : 0;
        if (error) return fail_with(error, "cannot set up the map '{}'", kMapNames[i]);
    }
    return {};
}

constexpr uint64_t rounded(uint64_t bytes) {
    return (bytes + 7) / 8 * 8;
}

/// Of one map, as the kernel lays it out.
uint64_t memory_of(const bpf_map& map, uint32_t cpus) {
    constexpr uint64_t kHashRow = 48, kBucket = 16;  // struct htab_elem, struct bucket: kernel/bpf/hashtab.c
    uint64_t rows = bpf_map__max_entries(&map), value = rounded(bpf_map__value_size(&map));
    switch (bpf_map__type(&map)) {
        case BPF_MAP_TYPE_PERCPU_ARRAY:
            return rows * value * cpus;
        case BPF_MAP_TYPE_HASH:
        case BPF_MAP_TYPE_LRU_HASH:
            return rows * (kHashRow + rounded(bpf_map__key_size(&map)) + value) +
                   std::bit_ceil(rows) * kBucket;
        default:
            return rows * value;
    }
}

/// What only some ways use.
std::array<bpf_map*, 3> maps_of_captures(const datapath_bpf& object) {
    return {object.maps.captured, object.maps.chosen, object.maps.on_its_way};
}

/// Those of a way, with the maps that it needs, are loaded.
void choose_programs(datapath_bpf& object, weir_way way) {
    auto pairs = pairs_of(object);
    for (const auto& [hot, general] : pairs) {
        bpf_program__set_autoload(hot, hot == pairs[way].hot);
        bpf_program__set_autoload(general, hot == pairs[way].hot);
    }
    bpf_program__set_autoload(object.progs.weir_heartbeat, way == WEIR_AS_IT_IS);
    if (way != WEIR_CAPTURING)
        for (auto* map : maps_of_captures(object)) bpf_map__set_autocreate(map, false);
}

void set_constants(datapath_bpf& object, const Settings& settings) {
    auto& constants = *object.rodata;
    constants.frontend_slots = settings.sizes.frontend_slots;
    constants.target_slots = settings.sizes.target_slots;
    constants.flow_buckets = settings.sizes.flow_buckets;
    constants.age_shift = settings.age_shift;
    constants.jiffies_a_second = settings.jiffies_a_second;
}

}  // namespace

void Programs::Unload::operator()(datapath_bpf* object) const {
    datapath_bpf__destroy(object);
}

Programs::~Programs() = default;

Result<std::unique_ptr<Programs>> Programs::load(weir_way way, const Settings& settings, const Maps& kept) {
    std::unique_ptr<Programs> programs(new Programs(way));
    programs->object_.reset(datapath_bpf__open());
    if (!programs->object_) return fail_with(errno, "cannot open the XDP program");
    auto& object = *programs->object_;
    choose_programs(object, way);
    set_constants(object, settings);
    if (auto set_up = set_up_maps(object, settings, kept); !set_up) return propagate(set_up);
    if (int error = datapath_bpf__load(&object))
        return fail_with(error,
                         "cannot load the XDP program (its tables take {} MiB); `weir doctor` says what this "
                         "kernel lacks, the log at level debug what the verifier said",
                         memory(settings).value_or(0) >> 20);
    uint32_t place = way;
    int general = bpf_program__fd(pairs_of(object)[way].general);
    if (int error = bpf_map_update_elem(programs->map(MapName::programs), &place, &general, BPF_ANY))
        return fail_with(error, "cannot join the XDP programs");
    return programs;
}

Result<std::array<RowLayout, kMapNames.size()>> Programs::layouts() {
    std::unique_ptr<datapath_bpf, Unload> object(datapath_bpf__open());
    if (!object) return fail_with(errno, "cannot open the XDP program");
    std::array<RowLayout, kMapNames.size()> layouts;
    std::ranges::transform(maps_of(*object), layouts.begin(),
                           [&](const bpf_map* map) { return layout_of(*object->obj, *map); });
    return layouts;
}

Result<uint64_t> Programs::memory(const Settings& settings) {
    std::unique_ptr<datapath_bpf, Unload> object(datapath_bpf__open());
    if (!object) return fail_with(errno, "cannot open the XDP program");
    if (auto set_up = set_up_maps(*object, settings, {}); !set_up) return propagate(set_up);
    uint64_t bytes = 0;
    const auto captures = maps_of_captures(*object);
    const bpf_map* map = nullptr;
    bpf_object__for_each_map(map, object->obj) {
        if (std::ranges::find(captures, map) == captures.end()) bytes += memory_of(*map, settings.cpus);
    }
    return bytes;
}

int Programs::program() const {
    return bpf_program__fd(pairs_of(*object_)[way_].hot);
}

int Programs::map(MapName name) const {
    return bpf_map__fd(maps_of(*object_)[index_of(name)]);
}

Status Programs::beat(std::chrono::milliseconds time) const {
    weir_heartbeat beat{static_cast<uint64_t>(std::chrono::nanoseconds(time).count())};
    LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &beat, .ctx_size_in = sizeof beat);
    int error = bpf_prog_test_run_opts(bpf_program__fd(object_->progs.weir_heartbeat), &options);
    if (error) return fail_with(error, "cannot wind the watchdog up");
    return options.retval ? fail("the kernel does not start the watchdog's timer") : Status{};
}

weir_capture& Programs::capture() const {
    return object_->bss->capture;
}

int Programs::capture_ring() const {
    return bpf_map__fd(object_->maps.captured);
}

int Programs::chosen_frontends() const {
    return bpf_map__fd(object_->maps.chosen);
}

Result<Programs::Answer> Programs::run(std::span<const uint8_t> frame, int interface) const {
    constexpr size_t kMostGrowth = 256;  // more than any tunnel's header
    object_->bss->trace = {};
    Answer answer{0, {}, std::vector<uint8_t>(frame.size() + kMostGrowth)};
    xdp_md context{};
    context.data_end = static_cast<uint32_t>(frame.size());
    context.ingress_ifindex = static_cast<uint32_t>(interface);
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(), .data_out = answer.frame.data(),
                .data_size_in = static_cast<uint32_t>(frame.size()),
                .data_size_out = static_cast<uint32_t>(answer.frame.size()));
    if (interface) {
        options.ctx_in = &context;
        options.ctx_size_in = sizeof context;
    }
    if (int error = bpf_prog_test_run_opts(program(), &options))
        return fail_with(error, "cannot run the XDP program on a frame of {} bytes", frame.size());
    answer.verdict = options.retval;
    answer.frame.resize(options.data_size_out);
    std::memcpy(&answer.trace, &object_->bss->trace, sizeof answer.trace);
    return answer;
}

}  // namespace weir::engine::xdp
