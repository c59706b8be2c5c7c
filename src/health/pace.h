// When a check's probes are due. Pure: time and chance are parameters.
#pragma once

#include <algorithm>
#include <chrono>

namespace weir::health {

/// The first probe and those that settle a new check come at a quick opening pace, so that a service is soon
/// up. The later ones lie on a grid of `interval` whose place is random, each moved by a little more chance:
/// ten thousand checks that begin together, here and on other balancers, then reach the backends evenly and
/// not in bursts.
class Pace {
  public:
    using Time = std::chrono::steady_clock::time_point;
    using Span = std::chrono::steady_clock::duration;

    static constexpr Span kOpening = std::chrono::milliseconds(200);
    static constexpr Span kOpeningShare =
        std::chrono::microseconds(100);     // 10,000 probes a second of all checks together
    static constexpr int kJitterPart = 20;  // of the interval

    /// `checks` begin together; `place` is from [0, 1).
    Pace(Time start, Span interval, size_t checks, double place)
        : interval_(interval),
          opening_(std::min(interval, std::max(kOpening, kOpeningShare * static_cast<long>(checks)))),
          first_(start + part(opening_, place)),
          grid_(start + part(interval, place)) {}

    Time first() const { return first_; }

    /// After a probe that started at `last` and is over `now`; `chance` is from [0, 1).
    Time next(Time last, Time now, bool opening, double chance) const {
        if (opening) return std::max(now, last + opening_);
        auto done = now < grid_ ? 0
                                : (now - grid_) / interval_ +
                                      1;  // grid points passed; missed ones are not made up for
        return grid_ + done * interval_ + part(interval_, chance / kJitterPart);
    }

  private:
    static Span part(Span whole, double share) {
        return std::chrono::duration_cast<Span>(std::chrono::duration<double, Span::period>(whole) * share);
    }

    Span interval_;
    Span opening_;
    Time first_;
    Time grid_;
};

}  // namespace weir::health
