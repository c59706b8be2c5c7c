// /api/v1/events: what has happened; as a list, and while it happens as server-sent events (HTML, section
// 9.2).
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "admin/http.h"
#include "admin/source.h"
#include "control/events.h"

namespace weir::admin {

/// What comes behind an id, and now and then a comment, so that both ends see that the other is there. A
/// reader who is so slow that events are forgotten before he takes them is cut off, and counted.
class EventStream final : public Source {
  public:
    using Clock = std::function<std::chrono::steady_clock::time_point()>;

    /// `seat`: of the events, which may end before the stream.
    EventStream(std::weak_ptr<control::Events> events, std::shared_ptr<void> seat, uint64_t after,
                Clock now = std::chrono::steady_clock::now);

    std::optional<std::string> take() override;
    void finish() override { ended_ = true; }
    std::string summary() const override;
    void cut_off() override;
    std::chrono::milliseconds pause() const override { return std::chrono::milliseconds(100); }

  private:
    std::weak_ptr<control::Events> events_;
    std::shared_ptr<void> seat_;
    uint64_t last_;
    Clock now_;
    std::chrono::steady_clock::time_point said_;  // something, for the last time
    uint64_t sent_ = 0;
    bool begun_ = false;
    bool ended_ = false;
};

inline constexpr uint64_t kLastId = INT64_MAX, kMostListed = 1024;

/// Query: `after` (an id) and `limit`.
Response list_events(const control::Events& events, const Request& request);
/// From the Last-Event-ID on, or `after`, or from now on.
Response stream_events(const std::shared_ptr<control::Events>& events, const Request& request);

}  // namespace weir::admin
