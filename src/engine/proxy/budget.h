// What the connections of one service share, on all workers: how many there may be, and the bytes a second.
// Lock-free: every worker takes from it while it carries.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace weir::engine::proxy {

/// Bytes a second, each way by itself: a token bucket that holds a tenth of a second's worth, or 64 KiB if
/// that is more. It is kept as one number, the time at which it was empty: what has come since is in it. So
/// a change of the rate counts at once, and clocks of several threads need not agree to the nanosecond.
class Rate {
  public:
    using Time = std::chrono::steady_clock::time_point;

    /// 0: any. May change at any time.
    void set(uint64_t bytes_per_second) { rate_.store(bytes_per_second, std::memory_order_relaxed); }
    bool is_limited() const { return rate_.load(std::memory_order_relaxed) != 0; }

    /// Up to `wanted` bytes; fewer, or none, where there are no more now.
    size_t take(size_t wanted, Time now);
    /// What was taken and not used.
    void give_back(size_t bytes);
    /// When there is something again, if nothing was: some hundredths of a second's worth, at least a byte,
    /// if nobody else takes it before. Another time for each who asks, so that nobody is always the last.
    Time more_at(Time now) const;

  private:
    std::atomic<uint64_t> rate_{0};
    std::atomic<int64_t> empty_at_{std::numeric_limits<int64_t>::min()};  // sixteenths of nanoseconds
    mutable std::atomic<uint32_t> asked_{0};
};

class Budget {
  public:
    std::atomic<uint64_t> connections{0};
    // Apart: each is written by all workers.
    alignas(64) Rate to_backends;
    alignas(64) Rate to_clients;
};

}  // namespace weir::engine::proxy
