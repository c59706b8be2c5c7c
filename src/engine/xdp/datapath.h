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

struct datapath_bpf;

namespace weir::engine::xdp {

struct Sizes {
    uint32_t frontend_slots = 64;  // of a generation; a power of two
    uint32_t target_slots = 1024;  // of a generation
    uint32_t ring_lines = 16384;
    uint32_t flow_buckets = 1024;  // a power of two

    bool operator==(const Sizes&) const = default;
};

enum class MapName : uint8_t { frontends, targets, rings, flows, counters, totals, state };
inline constexpr std::array<const char*, 7> kMapNames{"frontends", "targets", "rings", "flows",
                                                      "counters",  "totals",  "state"};

/// The maps of a datapath that may be gone; descriptors keep them alive.
using Maps = std::array<UniqueFd, kMapNames.size()>;

/// Shared memory with the kernel: the rows of an array map.
template <class Row>
using Rows = std::span<Row>;

class Datapath {
  public:
    /// Loads the program. Maps that `kept` holds are used as they are (their sizes win), the others are made.
    static Result<std::unique_ptr<Datapath>> load(const Sizes& sizes, uint32_t age_shift, Maps kept = {});
    ~Datapath();

    /// Opens the maps under `directory`. Nothing where there are none, or where their layout is another
    /// version's.
    static Maps open_pinned(const std::string& directory);
    static bool adoptable(const Maps& maps);

    /// Pins every map under `directory`, in place of what was there, so that they outlive this process.
    Status pin(const std::string& directory) const;

    const Sizes& sizes() const { return sizes_; }
    int program() const;
    Maps share() const;  // duplicates of the descriptors, for load()

    weir_state& state() const { return *state_.data(); }
    Rows<weir_frontend> frontends(uint32_t half) const;
    Rows<weir_target> targets(uint32_t half) const;
    Rows<weir_ring_line> rings() const { return rings_; }
    Rows<weir_bucket> flows() const { return flows_; }
    Rows<weir_counter> counters(
        uint32_t row) const;  // of a CPU; the row behind the last CPU's is the daemon's
    Rows<weir_totals> totals() const { return totals_; }
    uint32_t cpus() const { return static_cast<uint32_t>(totals_.size()) - 1; }

    struct Answer {
        uint32_t verdict = 0;  // an XDP action
        weir_trace trace{};
    };
    /// Runs the program's dry twin on a frame: the same code over the same tables, nothing remembered or
    /// counted.
    Result<Answer> ask(std::span<const uint8_t> frame) const;

  private:
    Datapath() = default;
    Status map_all();
    int map_fd(MapName name) const;

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
