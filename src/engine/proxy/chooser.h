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
    /// and port decide (with `sticky` its network alone), by wlc the fewest connections beside the weight, on
    /// all workers. A target that is tried or full is passed by.
    std::optional<size_t> choose(const Route& route, const net::Endpoint& client,
                                 std::span<const size_t> tried);

    /// Whether some target would take it if it were not full.
    static bool is_full(const Route& route, std::span<const size_t> tried);

  private:
    std::optional<size_t> by_turns(const Route& route, std::span<const size_t> tried);

    std::minstd_rand random_;
    std::vector<int64_t> credits_;  // of rr, by target
};

}  // namespace weir::engine::proxy
