// Which target a new connection gets: the scheduler's word, around those that were tried or are full. One for
// each worker and route: turns are counted by worker. Pure but for its own state and the tallies that it
// reads.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <vector>

#include "engine/proxy/snapshot.h"

namespace weir::engine::proxy {

class Chooser {
  public:
    explicit Chooser(uint32_t seed) : random_(seed) {}

    /// A place in route.targets; nothing where none is left. By maglev and rendezvous the client's address
    /// and port decide (with `sticky` its network alone), the same on all workers and machines, and for all
    /// frontends of a service whose tables are equal. By wlc the fewest connections beside the weight, on all
    /// workers, and turns between equals. A target that is tried or full is passed by.
    std::optional<size_t> choose(const Route& route, const net::Endpoint& client,
                                 std::span<const size_t> tried);

    /// Whether some target would take it if it were not full.
    static bool is_full(const Route& route, std::span<const size_t> tried);

  private:
    using Tried = std::span<const size_t>;

    std::optional<size_t> by_turns(const Route& route, Tried tried);
    std::optional<size_t> by_least(const Route& route, Tried tried);
    template <class Takes>
    std::optional<size_t> next_turn(const Route& route, Takes takes);
    void begin_turns(const Route& route, uint64_t weight);
    uint64_t draw();

    std::minstd_rand random_;
    // By target: how far its turn is due, in parts of weights; and the connections that were just seen, of
    // wlc.
    std::vector<int64_t> credits_;
    std::vector<uint64_t> loads_;
    uint64_t weight_ = 0;  // of all targets, when the credits began
};

}  // namespace weir::engine::proxy
