// Who is told of events as they happen, and how that goes: what the controller sees of the alerts.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/events.h"
#include "model/config.h"

namespace weir::control {

using SystemTime = std::chrono::system_clock::time_point;

/// Why an alert does not tell an event by a message of its own.
enum class Suppressed : uint8_t {
    repeated,  // it was told so already, or nothing else was ever told
    settled,   // it did not hold
    gathered,  // it stands in a message with others
    dropped,   // too many wait
};
inline constexpr size_t kSuppressed = 4;
std::string_view to_text(Suppressed reason);

struct AlertRow {
    std::string name;
    uint64_t sent_total = 0;                               // messages
    uint64_t failed_total = 0;                             // messages that were given up
    std::array<uint64_t, kSuppressed> suppressed_total{};  // events, by reason
    size_t waiting = 0;                                    // events that are to be delivered yet
    std::optional<SystemTime> failing_since;               // since when nothing can be delivered
    std::string error;                                     // why
};

/// On the control thread, which it never blocks.
class Herald {
  public:
    virtual ~Herald() = default;
    /// Has the configuration's alerts from now on. What waits for those that stay is kept.
    virtual void set(const model::Config& config) = 0;
    virtual void tell(const Event& event) = 0;
    /// It has been so since before the daemon started, and was told then.
    virtual void assume(const Event& event) = 0;
    virtual std::vector<AlertRow> rows() const = 0;
};

}  // namespace weir::control
