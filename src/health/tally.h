// Counts a check's outcomes into up or down: up when `rise` of the last `history` passed, down when `fall` of them failed.
#pragma once

#include <deque>
#include <string>

#include "model/config.h"

namespace weir::health {

/// Pure state; starts down. A change of the thresholds keeps what was seen.
class Tally {
  public:
    /// Takes one outcome; true if `up()` changed by it.
    bool add(bool ok, const model::Check& check);

    bool up() const { return up_; }

    /// On the way to the other state, as `2/3 UP` or `1/2 DOWN`; "" when it is settled.
    std::string progress(const model::Check& check) const;

  private:
    unsigned count(bool ok) const;

    std::deque<bool> seen_;  // newest last, at most `history`
    bool up_ = false;
};

}  // namespace weir::health
