// Keeps every target's checks running and says which targets are healthy. A coroutine a probe; those that are
// due begin a few at a time, so that the executor's other work is never far behind them.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <vector>

#include "base/clock.h"
#include "health/probe.h"
#include "health/tally.h"

namespace weir::health {

/// What is known of one target from its checks.
struct Checked {
    model::Health health;                 // of all its checks together: up when all are
    std::optional<Outcome> last_outcome;  // of the check that the reason speaks of: a down one before an up
                                          // one, then a failing one before a passing one, then the newest
    std::chrono::system_clock::time_point changed_at;  // of `health.up`, or when the target was added
    bool settled = false;  // every check has had the probes that decide its first state
};

/// Probes that this host could not make. They count neither way: the checks stay as they were.
struct NotProbed {
    uint64_t total = 0;
    size_t checks = 0;  // whose last probe was not made
    std::string why;    // of one of them
};

/// What a check has seen.
struct Remembered {
    size_t kind = 0;  // of its variant
    Tally tally{};
    std::optional<Outcome> last{};
    unsigned probes = 0;

    bool operator==(const Remembered&) const = default;
};
/// What is kept of a target over a restart.
struct Past {
    std::chrono::system_clock::time_point changed_at;  // as in Checked
    std::vector<Remembered> checks;

    bool operator==(const Past&) const = default;
};
using Memory = std::map<model::TargetKey, Past>;

/// What the checker needs of the world; tests have their own.
struct World {
    Clock& clock;
    std::function<boost::asio::awaitable<Result<Outcome>>(const model::Check&, const model::TargetKey&)>
        probe;
    unsigned seed = std::random_device{}();
};

/// All calls are made on the executor, which runs in one thread and outlives the checker.
class Checker {
  public:
    using Work =
        std::map<model::TargetKey, std::vector<model::Check>>;  // targets without checks are left out

    /// `on_change` is called on the executor, never within set(), after the health of a target or of several
    /// changed, or there is something to take.
    Checker(boost::asio::any_io_executor executor, World world, std::function<void()> on_change);
    /// Probes over the path, which outlives the checker as the clock does.
    Checker(const boost::asio::any_io_executor& executor, Clock& clock, Path& path,
            std::function<void()> on_change);
    ~Checker();

    /// Replaces the set of checks. What stays the same goes on undisturbed; a check of the same kind keeps
    /// its tally. A check that is new to a target begins where the target is: it has to fail to take an up
    /// one down. A target that is new here begins as in `known`, else down; one that `known` has, with what
    /// its checks of the same kind had seen.
    void set(const Work& work, const model::HealthMap& known = {}, const Memory& memory = {});
    Memory memory() const;

    std::map<model::TargetKey, Checked> checked() const;
    /// Nothing of a target without checks.
    std::optional<Checked> checked(const model::TargetKey& target) const;

    /// Whether every check of every target has had the probes that decide its first state.
    bool settled() const;

    /// Targets that came up or went down since the last question.
    std::set<model::TargetKey> take_changed();

    /// The certificates that were found to end soon since the last call, each with a target that shows it. A
    /// certificate comes once, whoever else shows it.
    std::map<std::string, model::TargetKey> take_expiring();

    NotProbed not_probed() const;

  private:
    struct State;
    std::shared_ptr<State> state_;  // shared with its coroutines, which end with it
};

}  // namespace weir::health
