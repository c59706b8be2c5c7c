// The datapath: its program with its maps, as one object: loaded, adopted from a former daemon, mapped into
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
#include "engine/xdp/programs.h"
#include "engine/xdp/quic_abi.h"
#include "engine/xdp/ticks.h"

namespace weir::engine::xdp {

/// Shared memory with the kernel: the rows of an array map.
template <class Row>
using Rows = std::span<Row>;

class Datapath {
  public:
    /// Loads the programs. Maps that `kept` holds are used as they are (their sizes win), the others are
    /// made, that of the programs always.
    static Result<std::unique_ptr<Datapath>> load(const Sizes& sizes, const Ticks& ticks, Maps kept = {});
    ~Datapath();

    /// Opens the maps under `directory`, as far as there are any.
    static Maps open_pinned(const std::string& directory);
    /// What the maps that are there say of the sizes.
    static Sizes sizes_of(const Maps& maps, Sizes otherwise);

    /// Pins every map beside `directory`, so that they outlive this process; then in place of what was there.
    /// Between the two the program may be put into force.
    Status pin_beside(const std::string& directory) const;
    static Status pin_in_place(const std::string& directory);
    /// Takes back pin_beside().
    static void unpin_beside(const std::string& directory);

    const Sizes& sizes() const { return settings_.sizes; }
    int program() const { return programs(WEIR_AS_IT_IS).program(); }
    /// Loads the programs of another way where nobody has yet.
    Result<const Programs*> through(weir_way way) const;
    Status beat(std::chrono::milliseconds time) const { return programs(WEIR_AS_IT_IS).beat(time); }
    int map(MapName name) const { return programs(WEIR_AS_IT_IS).map(name); }
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

    /// Runs the program on a frame, by a way that may not have been loaded yet.
    Result<Programs::Answer> run(weir_way way, std::span<const uint8_t> frame, int interface = 0) const;

  private:
    Datapath() = default;
    const Programs& programs(weir_way way) const { return *programs_[way]; }
    Status map_all();

    struct Mapping {
        void* address = nullptr;
        size_t length = 0;
    };
    template <class Row>
    Status map_rows(MapName name, Rows<Row>& rows);

    Settings settings_;
    mutable std::array<std::unique_ptr<Programs>, WEIR_WAYS_THROUGH> programs_;
    std::vector<Mapping> mappings_;
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
