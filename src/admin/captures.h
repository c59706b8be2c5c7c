// POST /api/v1/capture: packets with what was decided of them, as pcapng, while they come. One capture at a
// time, bounded in packets, time and memory. On the control thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "admin/http.h"
#include "engine/capture.h"

namespace weir::admin {

struct CaptureLimits {
    uint64_t packets = 1'000'000;
    std::chrono::seconds time{3600};
    size_t waiting_bytes = 16 << 20;  // that the client has not taken yet; what comes beyond it is lost
};

class Captures {
  public:
    using Clock = std::function<std::chrono::steady_clock::time_point()>;

    /// The engine's captures outlive it.
    explicit Captures(engine::Capturing& capturing, CaptureLimits limits = {},
                      Clock now = std::chrono::steady_clock::now);
    /// Ends the one that runs; its client gets what there is.
    ~Captures();

    /// Ends the one that runs. What there is goes to its client, while has_client().
    void finish();
    bool has_client() const { return !running_.expired(); }

    /// Starts one, by the query's `service`, `client`, `count`, `seconds` and `snaplen`. The answer's source
    /// ends it.
    Response start(const Request& request);

  private:
    class Session;

    engine::Capturing& capturing_;
    CaptureLimits limits_;
    Clock now_;
    std::weak_ptr<Session> running_;
};

}  // namespace weir::admin
