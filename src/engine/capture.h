// Live captures of an engine's traffic, each frame with what was decided of it. An interface of its own
// beside Engine, on the same thread; a fake in fake_capturing.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"
#include "engine/decision.h"
#include "net/ip.h"

namespace weir::engine {

inline constexpr uint32_t kShortestSnap = 64;
inline constexpr uint32_t kLongestSnap = 9216;

struct CaptureFilter {
    std::optional<std::string> service{};  // whose frontend takes the packet
    std::optional<net::Prefix> client{};   // from where it comes, or where it goes
    uint32_t snaplen = kLongestSnap;       // bytes of a frame that are kept, within the bounds above

    bool operator==(const CaptureFilter&) const = default;
};

struct CapturedFrame {
    std::span<const uint8_t> bytes;  // as it came in; borrowed
    uint32_t length = 0;             // of the whole frame
    std::chrono::sys_time<std::chrono::nanoseconds> time{};
    std::string interface;  // by which it came in
    Decision decision;
};

class Capturing {
  public:
    using Sink = std::function<void(const CapturedFrame&)>;

    virtual ~Capturing() = default;

    /// Calls the sink with every packet that the filter lets through, until stop_capture(). Fails while
    /// another capture runs, and where no service has the filter's name.
    virtual Status start_capture(const CaptureFilter& filter, Sink sink) = 0;

    /// Hands over what is still under way. How many packets have been lost since the start.
    virtual uint64_t stop_capture() = 0;
};

}  // namespace weir::engine
