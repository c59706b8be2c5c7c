// The datapath's programs, loaded: a pair for each way through the tables (enum weir_way), and the maps that
// all of them share.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "engine/xdp/abi.h"
#include "engine/xdp/capture_abi.h"
#include "engine/xdp/layout.h"

struct datapath_bpf;

namespace weir::engine::xdp {

struct Sizes {
    uint32_t frontend_slots = 64;  // of a generation; a power of two
    uint32_t target_slots = 1024;  // of a generation
    uint32_t ring_lines = 16384;
    uint32_t flow_buckets = 1024;  // a power of two
    uint32_t nat_flows = 0;        // 0: no service uses NAT
    uint32_t quic_tables = 1;      // of a generation
    uint32_t quic_servers = 1024;  // server ids of a generation

    bool operator==(const Sizes&) const = default;
};

enum class MapName : uint8_t {
    frontends,
    targets,
    names,
    rings,
    flows,
    counters,
    totals,
    quics,
    state,
    interfaces,
    devices,
    fragments,
    nat_new,
    nat,
    servers,
    programs,
    watchdog
};
inline constexpr std::array<const char*, 17> kMapNames{
    "frontends",  "targets", "names",     "rings",   "flows", "counters", "totals",   "quics",   "state",
    "interfaces", "devices", "fragments", "nat_new", "nat",   "servers",  "programs", "watchdog"};

constexpr size_t index_of(MapName name) {
    return static_cast<size_t>(name);
}

/// The maps of a datapath that may be gone; descriptors keep them alive.
using Maps = std::array<UniqueFd, kMapNames.size()>;

inline constexpr uint32_t kRowsOfAFlow = 2;  // of NAT's maps: one for either direction

/// What the programs are loaded with.
struct Settings {
    Sizes sizes;
    uint32_t cpus = 1;
    uint32_t age_shift = 0;
    uint32_t jiffies_a_second = 0;
};

class Programs {
  public:
    /// Maps that `kept` holds are used as they are, the others are made. Verifying them is most of the work,
    /// some 100 ms, so each way is loaded when somebody wants it.
    static Result<std::unique_ptr<Programs>> load(weir_way way, const Settings& settings, const Maps& kept);
    ~Programs();

    int program() const;
    int map(MapName name) const;

    /// How the rows of this version's maps are laid out. Empty of those without types: `programs`.
    static Result<std::array<RowLayout, kMapNames.size()>> layouts();

    /// Bytes of kernel memory that maps of these sizes take when they are full, about. Needs no rights.
    static Result<uint64_t> memory(const Settings& settings);

    struct Answer {
        uint32_t verdict = 0;  // an XDP action
        weir_trace trace{};    // of the ways that tell
        std::vector<uint8_t> frame{};
    };
    /// Runs the program on a frame. `interface`: by which it comes in, if that matters; it must exist in this
    /// network namespace.
    Result<Answer> run(std::span<const uint8_t> frame, int interface) const;

    /// Of the way as it is: the datapath goes on for so long after this call; 0: forever.
    Status beat(std::chrono::milliseconds time) const;

    // Of the capturing way: what is to be told, where it is told, and of which frontends.
    weir_capture& capture() const;
    int capture_ring() const;
    int chosen_frontends() const;

  private:
    struct Unload {
        void operator()(datapath_bpf* object) const;
    };
    explicit Programs(weir_way way) : way_(way) {}

    weir_way way_;
    std::unique_ptr<datapath_bpf, Unload> object_;
};

}  // namespace weir::engine::xdp
