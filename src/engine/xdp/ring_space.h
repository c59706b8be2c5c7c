// Which lines of the datapath's ring map are free. First fit; what is given back joins its neighbours.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

namespace weir::engine::xdp {

/// A run of ring lines.
struct Lines {
    uint32_t first = 0;
    uint32_t count = 0;

    bool operator==(const Lines&) const = default;
};

class RingSpace {
  public:
    explicit RingSpace(uint32_t lines) { free_.emplace(0, lines); }

    /// Nothing where no run is long enough.
    std::optional<Lines> allocate(uint32_t count);

    /// Takes lines that are in use already; false if they are not free.
    bool reserve(Lines lines);

    void release(Lines lines);

  private:
    std::map<uint32_t, uint32_t> free_;  // first -> count; runs do not touch
};

}  // namespace weir::engine::xdp
