// The datapath program with its maps, as one object: loaded, adopted from a former daemon, mapped into
// memory, asked. It knows the layout (abi.h) and sizes, but not what the rows mean.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "engine/xdp/abi.h"
#include "engine/xdp/capture_abi.h"
#include "engine/xdp/quic_abi.h"
#include "engine/xdp/ticks.h"

struct datapath_bpf;

namespace weir::engine::xdp {

struct Sizes {
    uint32_t frontend_slots = 64;  // of a generation; a power of two
    uint32_t target_slots = 1024;  // of a generation
    uint32_t ring_lines = 16384;
    uint32_t flow_buckets = 1024;  // a power of two
    uint32_t nat_flows = 0;        // 0: no service uses NAT
    uint32_t quic_tables = 1;      // of a generation

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
    programs
};
inline constexpr std::array<const char*, 16> kMapNames{
    "frontends", "targets",    "names",   "rings",     "flows",   "counters", "totals",  "quics",
    "state",     "interfaces", "devices", "fragments", "nat_new", "nat",      "servers", "programs"};

/// The maps of a datapath that may be gone; descriptors keep them alive.
using Maps = std::array<UniqueFd, kMapNames.size()>;

/// Shared memory with the kernel: the rows of an array map.
template <class Row>
using Rows = std::span<Row>;

class Datapath {
  public:
    /// Loads the programs. Maps that `kept` holds are used as they are (their sizes win), the others are
    /// made, that of the programs always.
    static Result<std::unique_ptr<Datapath>> load(const Sizes& sizes, const Ticks& ticks, Maps kept = {});
    ~Datapath();

    /// Opens the maps under `directory`. Nothing where there are none, or where their layout is another
    /// version's.
    static Maps open_pinned(const std::string& directory);
    static bool adoptable(const Maps& maps);

    /// Pins every map beside `directory`, so that they outlive this process; then in place of what was there.
    /// Between the two the program may be put into force.
    Status pin_beside(const std::string& directory) const;
    static Status pin_in_place(const std::string& directory);

    const Sizes& sizes() const { return sizes_; }
    int program() const;
    /// Does the same, and tells of it: what is to be told, to whom.
    int capturing_program() const;
    weir_capture& capture() const;
    int capture_ring() const;
    int chosen_frontends() const;
    int map(MapName name) const;
    Maps share() const;  // duplicates of the descriptors, for load()

    weir_state& state() const { return *state_.data(); }
    Rows<weir_frontend> frontends(uint32_t half) const;
    Rows<weir_target> targets(uint32_t half) const;
    Rows<weir_name> names(uint32_t half) const;
    Rows<weir_quic_table> quics(uint32_t half) const;
    Rows<weir_ring_line> rings() const { return rings_; }
    Rows<weir_bucket> flows() const { return flows_; }
    Rows<weir_counter> counters(
        uint32_t row) const;  // of a CPU; the row behind the last CPU's is the daemon's
    Rows<weir_totals> totals() const { return totals_; }
    uint32_t cpus() const { return static_cast<uint32_t>(totals_.size()) - 1; }

    struct Answer {
        uint32_t verdict = 0;  // an XDP action
        weir_trace trace{};
        std::vector<uint8_t> frame{};  // of run_traced(): as it would leave
    };
    /// Runs the program's dry twin on a frame: the same code over the same tables, nothing remembered or
    /// counted.
    /// `interface`: by which it comes in, if that matters; it must exist in this network namespace.
    Result<Answer> ask(std::span<const uint8_t> frame, int interface = 0) const;
    /// Runs the program itself, which remembers and counts.
    Result<Answer> run_traced(std::span<const uint8_t> frame, int interface = 0) const;

  private:
    Datapath() = default;
    Result<Answer> run(int program, std::span<const uint8_t> frame, int interface) const;
    Status map_all();

    struct Unload {
        void operator()(datapath_bpf* object) const;
    };
    struct Mapping {
        void* address = nullptr;
        size_t length = 0;
    };
    template <class Row>
    Status map_rows(MapName name, Rows<Row>& rows);

    std::unique_ptr<datapath_bpf, Unload> object_;
    std::vector<Mapping> mappings_;
    Sizes sizes_;
    Rows<weir_frontend> frontends_;
    Rows<weir_target> targets_;
    Rows<weir_name> names_;
    Rows<weir_quic_table> quics_;
    Rows<weir_ring_line> rings_;
    Rows<weir_bucket> flows_;
    Rows<weir_counter> counters_;
    Rows<weir_totals> totals_;
    Rows<weir_state> state_;
};

/// Waits until no packet is in the program that began before the call (an RCU grace period, some
/// milliseconds).
class Grace {
  public:
    static Result<Grace> open();
    void wait() const;

  private:
    UniqueFd outer_, inner_;
};

}  // namespace weir::engine::xdp
