// What one worker does for one frontend: it listens, and carries what comes to backends. TCP and UDP each
// have one; the worker knows no more of them than this.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "engine/proxy/loop.h"
#include "engine/proxy/snapshot.h"

namespace weir::engine::proxy {

/// Why clients were not served, or not to the end.
enum class Reason : uint8_t {
    no_backend,       // none takes new connections, until the queue's time was over
    connect_failed,   // every backend that was tried refused it, or did not answer
    service_full,     // the service's connections, or sessions, are at their limit
    engine_full,      // the limit of all services together
    backends_full,    // each backend is at its own limit
    no_descriptors,   // the process has none left, or the system no memory
    bad_header,       // a PROXY header that is none, or did not come in time
    idle,             // nothing came either way for idle_timeout
    lifetime,         // the connection was as old as it may be
    backend_removed,  // what it had may not be kept
    over_rate,        // UDP: datagrams above the bandwidth
    buffers_full,     // UDP: datagrams that a socket had no room for
};
inline constexpr size_t kReasons = 12;
/// As in metrics: snake_case.
std::string_view to_text(Reason reason);

/// What all workers share. Outlives them.
struct Shared {
    std::array<std::atomic<uint64_t>, kReasons> refused{};
    std::atomic<uint64_t> connections{0};                 // of all services
    std::atomic<uint64_t> max_connections{~uint64_t{0}};  // of all services
    std::atomic<uint32_t> pipe_size{1 << 20};             // model::ProxyEngine's; 0: bulk is copied
    /// A backend took no connection: its control thread may look at the tallies. From any worker.
    std::function<void()> on_failure = [] {};

    void count(Reason reason, uint64_t times = 1) {
        refused[static_cast<size_t>(reason)].fetch_add(times, std::memory_order_relaxed);
    }
};

struct Around {
    Loop& loop;
    size_t worker;  // its number
    Shared& shared;
};

class Front {
  public:
    virtual ~Front() = default;

    /// As it is to be from now on; the key stays. Connections that have their backend keep it, unless that
    /// may keep nothing.
    virtual void set(std::shared_ptr<const Route> route) = 0;

    /// Listens no more. What there is goes on until it ends; then `done` is called, and the front may go.
    virtual void leave(std::function<void()> done) = 0;
};

/// Each binds a socket of its own to the frontend's address (SO_REUSEPORT), and fails where that cannot be.
/// In the loop's thread.
Result<std::unique_ptr<Front>> open_tcp(const Around& around, std::shared_ptr<const Route> route);
Result<std::unique_ptr<Front>> open_udp(const Around& around, std::shared_ptr<const Route> route);

}  // namespace weir::engine::proxy
