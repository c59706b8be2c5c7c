#include "engine/xdp/migration.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace weir::engine::xdp {
namespace {

using Layouts = std::array<RowLayout, kMapNames.size()>;

// What goes from map to map, row by row. The rest is written from the plan.
constexpr MapName kConverted[] = {MapName::state, MapName::names, MapName::targets, MapName::counters,
                                  MapName::totals};
// What the program that is still in force goes on writing is shared with it, or lost; and the interfaces, of
// which the new one is told only when it is in force.
constexpr MapName kShared[] = {MapName::flows,    MapName::nat,        MapName::nat_new, MapName::fragments,
                               MapName::watchdog, MapName::interfaces, MapName::devices};

bool is_same(const UniqueFd& map, const RowLayout& own) {
    if (!map) return false;
    auto theirs = layout_of(map.get());
    if (theirs) return *theirs == own;
    // The kernel keeps no types with maps of programs and of devices.
    auto type = info_of(map.get()).type;
    return type == BPF_MAP_TYPE_PROG_ARRAY || type == BPF_MAP_TYPE_DEVMAP_HASH;
}

Status copy_rows(const UniqueFd& from, int to, const Layout& own) {
    auto theirs = layout_of(from.get());
    if (!theirs) return propagate(theirs);
    std::vector<uint8_t> before(theirs->value.size), after(own.size);
    auto rows = info_of(from.get()).max_entries;
    for (uint32_t row = 0; row < rows; row++) {
        if (int error = bpf_map_lookup_elem(from.get(), &row, before.data()))
            return fail_with(error, "cannot read row {}", row);
        std::ranges::fill(after, 0);
        convert(theirs->value, before.data(), own, after.data());
        if (int error = bpf_map_update_elem(to, &row, after.data(), BPF_ANY))
            return fail_with(error, "cannot write row {}", row);
    }
    return {};
}

Status check_meaning(const Maps& former, const Layouts& own) {
    const auto& state = former[index_of(MapName::state)];
    const auto& totals = former[index_of(MapName::totals)];
    if (!state || !totals) return fail("there is no state");
    auto theirs = layout_of(state.get());
    if (!theirs) return propagate(theirs);
    std::vector<uint8_t> row(theirs->value.size);
    weir_state read{};
    uint32_t key = 0;
    if (int error = bpf_map_lookup_elem(state.get(), &key, row.data()))
        return fail_with(error, "cannot read the state");
    convert(theirs->value, row.data(), own[index_of(MapName::state)].value,
            reinterpret_cast<uint8_t*>(&read));
    if (read.abi != WEIR_ABI) return fail("they are of version {}, not {}", read.abi, WEIR_ABI);
    auto cpus = static_cast<uint32_t>(libbpf_num_possible_cpus());
    auto wrote = info_of(totals.get()).max_entries - 1;
    if (wrote != cpus) return fail("they are of {} CPUs, not {}", wrote, cpus);
    return {};
}

}  // namespace

Result<std::unique_ptr<Datapath>> take_over(Maps former, const Ticks& ticks) {
    auto own = Programs::layouts();
    if (!own) return propagate(own);
    if (auto good = check_meaning(former, *own); !good) return propagate(good);
    bool all_same = true;
    for (size_t i = 0; i < former.size(); i++) all_same = all_same && is_same(former[i], (*own)[i]);
    if (all_same) return Datapath::load({}, ticks, std::move(former));

    Maps kept;
    for (auto name : kShared) {
        auto i = index_of(name);
        if (is_same(former[i], (*own)[i]))
            kept[i] = std::move(former[i]);
        else if (!former[i])
            spdlog::info("the former version had no table of {}: it begins empty", kMapNames[i]);
        else
            spdlog::warn("the table of {} is laid out otherwise than here, and begins anew", kMapNames[i]);
    }
    auto sizes = Datapath::sizes_of(former, Datapath::sizes_of(kept, {}));
    auto datapath = Datapath::load(sizes, ticks, std::move(kept));
    if (!datapath) return datapath;
    for (auto name : kConverted) {
        auto i = index_of(name);
        if (auto copied = copy_rows(former[i], (*datapath)->map(name), (*own)[i].value); !copied)
            return propagate(copied, fmt::format("table {}", kMapNames[i]));
    }
    spdlog::info("took over the tables of another version");
    return datapath;
}

}  // namespace weir::engine::xdp
