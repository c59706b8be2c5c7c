// Counts a check's outcomes into up or down: up when `rise` of the last `history` passed, down when `fall` of
// them failed. Two rules keep it from flapping:
// - Only outcomes since the last change count, so what led to one change cannot take part in the next. And a
// failure
//   never brings a check up, a pass never takes it down.
// - While down, both thresholds may hold at once (pass, fail, pass, fail, pass for 3 and 2 of 5). Then the
// newest
//   outcomes decide: going back in time from the newest, `rise` passes have to come before `fall` failures.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "model/config.h"

namespace weir::health {

/// Pure state. A change of the thresholds keeps what was seen.
class Tally {
  public:
    explicit Tally(bool up = false) : up_(up) {}
    /// As another one was.
    Tally(bool up, std::vector<bool> seen) : seen_(std::move(seen)), up_(up) {}

    /// Takes one outcome; true if `up()` changed by it.
    bool add(bool ok, const model::Check& check);

    bool up() const { return up_; }
    /// Outcomes since the last change, newest last.
    const std::vector<bool>& seen() const { return seen_; }

    /// On the way to the other state, as `2/3 UP` or `1/2 DOWN`; "" when it is settled.
    std::string progress(const model::Check& check) const;

    bool operator==(const Tally&) const = default;

  private:
    unsigned towards_change(const model::Check& check) const;

    std::vector<bool> seen_;  // since the last change, newest last, at most `history`
    bool up_;
};

}  // namespace weir::health
