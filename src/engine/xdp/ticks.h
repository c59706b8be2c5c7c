// The datapath's clock: the low bits of jiffies, shifted. Which tick it is now, and how long one lasts.
#pragma once

#include <chrono>
#include <optional>

#include "base/result.h"
#include "base/unique_fd.h"

namespace weir::engine::xdp {

class Ticks {
  public:
    /// Every start finds the same, on a busy machine too: what the last one wrote into the tables stays true.
    static Result<Ticks> open();

    /// The tick that the datapath would write now, before it is masked to WEIR_AGE_BITS. Nothing where the
    /// kernel does not tell.
    std::optional<uint32_t> now() const;

    /// jiffies are shifted right by this; a whole age is then longer than an hour, the longest timeout.
    uint32_t shift() const { return shift_; }
    uint32_t hz() const { return hz_; }

    /// How long one lasts, in seconds.
    double length() const { return static_cast<double>(1u << shift_) / hz_; }

    /// Ticks that last at least this long.
    uint32_t at_least(std::chrono::seconds time) const;

  private:
    UniqueFd program_;
    unsigned hz_ = 0;
    uint32_t shift_ = 0;
};

}  // namespace weir::engine::xdp
