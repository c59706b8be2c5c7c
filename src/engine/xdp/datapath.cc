#include "engine/xdp/datapath.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cstring>
#include <filesystem>

#include "base/log.h"

namespace weir::engine::xdp {

namespace fs = std::filesystem;

namespace {

uint32_t rows_of(const UniqueFd& fd) {
    return info_of(fd.get()).max_entries;
}

}  // namespace

Sizes Datapath::sizes_of(const Maps& kept, Sizes sizes) {
    auto cpus = static_cast<uint32_t>(libbpf_num_possible_cpus());
    auto rows = [&](MapName name, uint32_t made) {
        const auto& fd = kept[index_of(name)];
        return fd ? rows_of(fd) : made;
    };
    sizes.frontend_slots = rows(MapName::frontends, sizes.frontend_slots * 2) / 2;
    sizes.target_slots = rows(MapName::targets, sizes.target_slots * 2) / 2;
    sizes.target_slots = rows(MapName::counters, sizes.target_slots * (cpus + 1)) / (cpus + 1);
    sizes.ring_lines = rows(MapName::rings, sizes.ring_lines);
    sizes.flow_buckets = rows(MapName::flows, sizes.flow_buckets);
    sizes.quic_tables = rows(MapName::quics, sizes.quic_tables * 2) / 2;
    sizes.quic_servers = rows(MapName::servers, sizes.quic_servers * 2) / 2;
    sizes.nat_flows = rows(MapName::nat, sizes.nat_flows * kRowsOfAFlow) / kRowsOfAFlow;
    return sizes;
}

Result<std::unique_ptr<Datapath>> Datapath::load(const Sizes& wanted, const Ticks& ticks, Maps kept) {
    std::unique_ptr<Datapath> datapath(new Datapath);
    auto& settings = datapath->settings_;
    settings = {sizes_of(kept, wanted), static_cast<uint32_t>(libbpf_num_possible_cpus()), ticks.shift(),
                ticks.hz()};
    // A former daemon's programs are in force until ours are.
    kept[index_of(MapName::programs)].reset();
    auto programs = Programs::load(WEIR_AS_IT_IS, settings, kept);
    if (!programs) return propagate(programs);
    datapath->programs_[WEIR_AS_IT_IS] = std::move(*programs);
    if (auto mapped = datapath->map_all(); !mapped) return propagate(mapped);
    return datapath;
}

Datapath::~Datapath() {
    for (auto mapping : mappings_) munmap(mapping.address, mapping.length);
}

Result<const Programs*> Datapath::through(weir_way way) const {
    if (!programs_[way]) {
        auto loaded = Programs::load(way, settings_, share());
        if (!loaded) return propagate(loaded);
        programs_[way] = std::move(*loaded);
    }
    return programs_[way].get();
}

Result<Programs::Answer> Datapath::run(weir_way way, std::span<const uint8_t> frame, int interface) const {
    auto programs = through(way);
    if (!programs) return propagate(programs);
    return (*programs)->run(frame, interface);
}

template <class Row>
Status Datapath::map_rows(MapName name, Rows<Row>& rows) {
    int fd = map(name);
    size_t count = info_of(fd).max_entries;
    size_t length = count * sizeof(Row);
    void* address = mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (address == MAP_FAILED)
        return fail_with(errno, "cannot map '{}' into memory", kMapNames[index_of(name)]);
    mappings_.push_back({address, length});
    rows = {static_cast<Row*>(address), count};
    return {};
}

Status Datapath::map_all() {
    for (const auto& status : {map_rows(MapName::frontends, frontends_), map_rows(MapName::targets, targets_),
                               map_rows(MapName::names, names_), map_rows(MapName::quics, quics_),
                               map_rows(MapName::rings, rings_), map_rows(MapName::flows, flows_),
                               map_rows(MapName::counters, counters_), map_rows(MapName::totals, totals_),
                               map_rows(MapName::state, state_)})
        if (!status) return status;
    state().abi = WEIR_ABI;
    return {};
}

Maps Datapath::share() const {
    Maps maps;
    for (size_t i = 0; i < maps.size(); i++)
        maps[i] = UniqueFd(fcntl(map(static_cast<MapName>(i)), F_DUPFD_CLOEXEC, 0));
    return maps;
}

Maps Datapath::open_pinned(const std::string& directory) {
    Maps maps;
    // A crash within pin() leaves the new directory beside the old one, or only the new one.
    auto from = fs::exists(directory) ? directory : directory + "-new";
    for (size_t i = 0; i < maps.size(); i++)
        maps[i] = UniqueFd(bpf_obj_get(fmt::format("{}/{}", from, kMapNames[i]).c_str()));
    return maps;
}

Status Datapath::pin_beside(const std::string& directory) const {
    // No dots: a BPF file system keeps names with dots to itself.
    auto fresh = directory + "-new";
    std::error_code error;
    fs::remove_all(fresh, error);
    if (!fs::create_directories(fresh, error)) return fail("cannot create {}: {}", fresh, error.message());
    for (size_t i = 0; i < kMapNames.size(); i++) {
        auto path = fmt::format("{}/{}", fresh, kMapNames[i]);
        if (int code = bpf_obj_pin(map(static_cast<MapName>(i)), path.c_str()))
            return fail_with(code, "cannot pin {}", path);
    }
    return {};
}

Status Datapath::pin_in_place(const std::string& directory) {
    auto fresh = directory + "-new", stale = directory + "-old";
    std::error_code error;
    fs::remove_all(stale, error);
    if (fs::exists(directory)) fs::rename(directory, stale, error);
    if (!error) fs::rename(fresh, directory, error);
    if (error) return fail("cannot rename {}: {}", fresh, error.message());
    fs::remove_all(stale, error);
    return {};
}

void Datapath::unpin_beside(const std::string& directory) {
    std::error_code ignored;
    // Without the others these are what the next daemon finds.
    if (fs::exists(directory, ignored)) fs::remove_all(directory + "-new", ignored);
}

Rows<weir_frontend> Datapath::frontends(uint32_t half) const {
    return frontends_.subspan(size_t{half} * sizes().frontend_slots, sizes().frontend_slots);
}

Rows<weir_target> Datapath::targets(uint32_t half) const {
    return targets_.subspan(size_t{half} * sizes().target_slots, sizes().target_slots);
}

Rows<weir_name> Datapath::names(uint32_t half) const {
    return names_.subspan(size_t{half} * sizes().target_slots, sizes().target_slots);
}

Rows<weir_quic_table> Datapath::quics(uint32_t half) const {
    return quics_.subspan(size_t{half} * sizes().quic_tables, sizes().quic_tables);
}

Rows<weir_counter> Datapath::counters(uint32_t row) const {
    return counters_.subspan(size_t{row} * sizes().target_slots, sizes().target_slots);
}

Result<Grace> Grace::open() {
    Grace grace;
    grace.inner_ = UniqueFd(bpf_map_create(BPF_MAP_TYPE_ARRAY, "weir_grace", 4, 4, 1, nullptr));
    if (!grace.inner_) return fail_with(errno, "cannot create a BPF map");
    LIBBPF_OPTS(bpf_map_create_opts, options, .inner_map_fd = static_cast<uint32_t>(grace.inner_.get()));
    grace.outer_ = UniqueFd(bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "weir_grace_of", 4, 4, 1, &options));
    if (!grace.outer_) return fail_with(errno, "cannot create a BPF map of maps");
    return grace;
}

void Grace::wait() const {
    // After an update of a map of maps the kernel waits for the programs that may still use the former inner
    // map, and so for every program that began before: kernel/bpf/syscall.c, maybe_wait_bpf_programs().
    uint32_t key = 0;
    int inner = inner_.get();
    if (int error = bpf_map_update_elem(outer_.get(), &key, &inner, BPF_ANY))
        spdlog::error("cannot wait for packets that are under way: {}", std::strerror(-error));
}

}  // namespace weir::engine::xdp
