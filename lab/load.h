// HTTP requests from one host, each over a new connection: as many as can be at a time, or at a steady rate
// whatever becomes of them (only so an outage shows its true size).
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>
#include <thread>
#include <vector>

#include "lab/host.h"
#include "lab/wait.h"

namespace weir::lab {

struct Answer {
    std::chrono::steady_clock::time_point started;
    std::chrono::steady_clock::time_point ended;
    bool ok = false;
    std::string text;  // what the server answered, or what went wrong
};

/// `GET /` this many times, `parallel` at a time. A request fails after `limit`.
std::vector<Answer> burst(Host& from, const net::Endpoint& to, size_t requests, unsigned parallel,
                          Duration limit = 2s);

/// `GET /` at a steady rate from construction to stop(), in a thread of its own.
class SteadyLoad {
  public:
    SteadyLoad(Host& from, const net::Endpoint& to, unsigned per_second, Duration limit = 2s);
    ~SteadyLoad() { stopping_ = true; }
    SteadyLoad(const SteadyLoad&) = delete;
    SteadyLoad& operator=(const SteadyLoad&) = delete;

    /// Waits for the requests under way; all answers in the order of their starts.
    std::vector<Answer> stop();

  private:
    std::atomic<bool> stopping_ = false;
    std::vector<Answer> answers_;  // the thread's, until it has ended
    std::jthread thread_;
};

}  // namespace weir::lab
