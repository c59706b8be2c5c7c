#include "engine/proxy/budget.h"

#include <algorithm>

#include "sched/hash.h"
#include "sched/log2.h"

namespace weir::engine::proxy {
namespace {

using sched::Uint128;

// Sixteenths of nanoseconds: a packet of a fast link costs few nanoseconds, and each cost is rounded. They
// last for 18 years of the clock.
constexpr int64_t kNanosecond = 16;
constexpr int64_t kSecond = 1'000'000'000 * kNanosecond;
constexpr uint64_t kLeastBurst = 64 << 10;
constexpr uint64_t kMostBytes = uint64_t{1} << 40;  // at once: so that no time is out of range

int64_t ticks(Rate::Time time) {
    return std::chrono::nanoseconds(time.time_since_epoch()).count() * kNanosecond;
}

/// How long it takes until so many bytes have come.
int64_t span_of(uint64_t bytes, uint64_t rate, bool round_up) {
    const Uint128 work =
        static_cast<Uint128>(std::min(bytes, kMostBytes)) * kSecond + (round_up ? rate - 1 : 0);
    return static_cast<int64_t>(std::min<Uint128>(work / rate, Uint128{1} << 60));
}

/// Since when the bucket fills, no longer than until it is full.
int64_t filling_since(int64_t empty_at, int64_t now, uint64_t rate) {
    return std::max(empty_at, now - std::max(kSecond / 10, span_of(kLeastBurst, rate, true)));
}

uint64_t bytes_in(int64_t span, uint64_t rate) {
    if (span <= 0) return 0;
    return static_cast<uint64_t>(std::min<Uint128>(static_cast<Uint128>(span) * rate / kSecond, kMostBytes));
}

}  // namespace

size_t Rate::take(size_t wanted, Time time) {
    const auto rate = rate_.load(std::memory_order_relaxed);
    if (rate == 0) return wanted;
    const auto now = ticks(time);
    auto empty_at = empty_at_.load(std::memory_order_relaxed);
    while (true) {
        const auto since = filling_since(empty_at, now, rate);
        const size_t got = std::min<uint64_t>(wanted, bytes_in(now - since, rate));
        if (got == 0) return 0;
        if (empty_at_.compare_exchange_weak(empty_at, since + span_of(got, rate, true),
                                            std::memory_order_relaxed))
            return got;
    }
}

void Rate::give_back(size_t bytes) {
    const auto rate = rate_.load(std::memory_order_relaxed);
    auto empty_at = empty_at_.load(std::memory_order_relaxed);
    if (rate == 0 || empty_at == std::numeric_limits<int64_t>::min()) return;
    empty_at_.fetch_sub(span_of(bytes, rate, false), std::memory_order_relaxed);
}

Rate::Time Rate::more_at(Time now) const {
    const auto rate = rate_.load(std::memory_order_relaxed);
    if (rate == 0) return now;
    const auto since = filling_since(empty_at_.load(std::memory_order_relaxed), ticks(now), rate);
    const auto worth = std::max(kSecond / 100, span_of(1, rate, true));
    const auto asked = asked_.fetch_add(1, std::memory_order_relaxed);
    const auto apart = static_cast<int64_t>(sched::mix(asked) % static_cast<uint64_t>(kSecond / 100));
    const auto due = (since + worth + apart + kNanosecond - 1) / kNanosecond;
    return std::max(now, Time(std::chrono::nanoseconds(due)));
}

}  // namespace weir::engine::proxy
