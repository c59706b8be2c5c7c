// How long to wait before the next try: doubled from try to try, up to a limit.
#pragma once

#include <algorithm>
#include <chrono>

namespace weir {

class Backoff {
  public:
    using Duration = std::chrono::milliseconds;

    Backoff(Duration first, Duration last) : first_(first), last_(last), next_(first) {}

    Duration next() {
        auto now = next_;
        next_ = std::min(next_ * 2, last_);
        return now;
    }
    void reset() { next_ = first_; }

  private:
    Duration first_;
    Duration last_;
    Duration next_;
};

}  // namespace weir
