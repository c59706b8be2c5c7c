// Keeps every target's checks running and says which targets are healthy. One coroutine per target and check.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "health/probe.h"
#include "health/tally.h"

namespace weir::health {

/// What is known of one target from its checks.
struct Checked {
    model::Health health;                // of all its checks together: up when all are
    std::optional<Outcome> last_outcome;  // the newest of any check, a failing one before a passing one
    std::chrono::system_clock::time_point changed_at;
};

class Checker {
  public:
    using Work = std::map<model::TargetKey, std::vector<model::Check>>;  // targets without checks are left out

    /// `on_change` is called on the executor when a target's health changes. The path outlives the checker.
    Checker(boost::asio::any_io_executor executor, Path& path, std::function<void()> on_change);
    ~Checker();

    /// Replaces the set of checks. What stays the same goes on undisturbed; a check of the same kind keeps its tally.
    void set(const Work& work);

    std::map<model::TargetKey, Checked> checked() const;

  private:
    struct State;
    std::shared_ptr<State> state_;  // shared with its coroutines, which end with it
};

}  // namespace weir::health
