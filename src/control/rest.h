// What checks find may come faster than it can be planned. A pass is followed by a rest as long as itself, so
// that planning takes half of the time at most, and the probes and the API have the other half; what comes
// meanwhile is one pass. Who comes after a quiet time waits for nothing. Pure.
#pragma once

#include <algorithm>
#include <chrono>

namespace weir::control {

class Rest {
  public:
    using Time = std::chrono::steady_clock::time_point;
    using Duration = Time::duration;

    void after(Time began, Time ended) { until_ = ended + (ended - began); }

    Duration left(Time now) const { return std::max(until_ - now, Duration::zero()); }

  private:
    Time until_{};
};

}  // namespace weir::control
