// What the connections of one service share, on all workers: how many there may be, and the bytes a second.
// Lock-free: every worker takes from it while it carries.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace weir::engine::proxy {

/// Bytes a second, each way by itself: a token bucket that holds a tenth of a second's worth, or 64 KiB if
/// that is more. What was taken too much is paid back before there is more.
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
    /// When there is something again, if nothing was.
    Time more_at(Time now) const;

  private:
    std::atomic<uint64_t> rate_{0};
    std::atomic<int64_t> level_{0};
    std::atomic<int64_t> filled_at_{0};  // nanoseconds of the clock
};

class Budget {
  public:
    std::atomic<uint64_t> connections{0};
    Rate to_backends;
    Rate to_clients;
};

}  // namespace weir::engine::proxy
