// A program that runs for a check, shut in: a session of its own, no descriptors but /dev/null and its
// output, no way to new privileges, bounded time, memory, files and processes. It ends with its owner, and so
// does what it started: it lives in a PID namespace of its own, whose first process is a copy of weir that
// waits for it. Without the right to make one (CAP_SYS_ADMIN), what begins another session stays.
#pragma once

#include <sys/types.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace weir::health {

/// One of the places for programs that run at the same time. Given back when it goes.
class Place {
  public:
    static constexpr int kPlaces = 64;  // for all checks together

    /// An empty one if none is free by the deadline. Throws when cancelled. All are taken in one thread.
    static boost::asio::awaitable<Place> take(Clock& clock, Clock::Time deadline);

    explicit operator bool() const { return held_; }

    Place() = default;
    Place(Place&& other) noexcept : held_(std::exchange(other.held_, false)) {}
    Place& operator=(Place&&) = delete;
    ~Place();

  private:
    bool held_ = false;
};

class Child {
  public:
    struct Order {
        std::vector<std::string> command;      // the first is the program's absolute path
        std::vector<std::string> environment;  // all of it, as NAME=value
        uid_t user = 0;
        gid_t group = 0;
        std::chrono::seconds processor_time{1};
    };

    /// How it ended: by exit with `code`, or by the signal `code`.
    struct End {
        bool exited = false;
        int code = 0;
    };

    /// Keeps the place until the program is gone. What fails in the new process shows as exit code 127, with
    /// the reason in the output.
    static Result<Child> start(const Order& order, Place place, const boost::asio::any_io_executor& executor);

    /// Until it has ended; false if it has not by the deadline. Throws when cancelled.
    boost::asio::awaitable<bool> wait(Clock& clock, Clock::Time deadline);
    End end() const;  // after wait() came true

    /// The first line of what it wrote to its output and its errors, or the beginning of that line.
    std::string output() const;

    Child(Child&&) noexcept = default;
    Child& operator=(Child&&) = delete;
    /// Kills what is left; the rest is done when that is gone.
    ~Child();

  private:
    struct State;
    explicit Child(std::shared_ptr<State> state) : state_(std::move(state)) {}

    std::shared_ptr<State> state_;
};

}  // namespace weir::health
