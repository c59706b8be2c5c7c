// Waiting for a condition with a deadline, and unwinding when the operator says stop.
#pragma once

#include <chrono>
#include <concepts>

namespace weir::lab {

using namespace std::chrono_literals;
using Duration = std::chrono::milliseconds;

/// Thrown by whatever waits here once SIGINT, SIGTERM or SIGHUP came while a SignalTrap lives.
struct Interrupted {
    int signal;
};

/// Turns SIGINT, SIGTERM and SIGHUP into Interrupted, so that destructors remove the lab. One at a time; for
/// main programs.
class SignalTrap {
  public:
    SignalTrap();
    ~SignalTrap();
    SignalTrap(const SignalTrap&) = delete;
    SignalTrap& operator=(const SignalTrap&) = delete;
};

/// True once a trapped signal came.
bool interrupted();
void throw_if_interrupted();

/// One short pause; throws Interrupted at once when a signal comes.
void pause_for(Duration time);

/// Asks until the answer is yes or `limit` has passed; the last answer.
template <std::predicate Predicate>
[[nodiscard]] bool wait_until(Predicate predicate, Duration limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    for (Duration nap = 1ms;; nap = std::min<Duration>(nap * 2, 20ms)) {
        if (predicate()) return true;
        if (std::chrono::steady_clock::now() >= deadline) return false;
        pause_for(nap);
    }
}

}  // namespace weir::lab
