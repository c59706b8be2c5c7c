// A program that runs for a check or a source, shut in: a session of its own, no descriptors but /dev/null
// and what it writes to, no way to new privileges, bounded time, memory, files and processes. It ends with
// its owner, and so does what it started: it lives in a PID namespace of its own, whose first process is a
// copy of weir that waits for it. Without the right to make one (CAP_SYS_ADMIN), what begins another session
// stays.
#pragma once

#include <sys/types.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace weir {

class Child {
  public:
    struct Order {
        std::vector<std::string> command;      // the first is the program's absolute path
        std::vector<std::string> environment;  // all of it, as NAME=value
        uid_t user = 0;
        gid_t group = 0;
        std::optional<std::chrono::seconds> processor_time{};  // default: without a bound
    };

    /// Descriptors that the program writes to. They stay the caller's, and may be one and the same.
    struct Output {
        int output;
        int errors;
    };

    /// How it ended: by exit with `code`, or by the signal `code`.
    struct End {
        bool exited = false;
        int code = 0;
    };

    /// Keeps `meanwhile` until the program is gone. What fails in the new process shows as exit code 127,
    /// with the reason in its errors.
    static Result<Child> start(const Order& order, Output to, std::shared_ptr<void> meanwhile,
                               const boost::asio::any_io_executor& executor);

    /// Until it has ended; false if it has not by the deadline. Throws when cancelled.
    boost::asio::awaitable<bool> wait(Clock& clock, Clock::Time deadline);
    End end() const;  // after wait() came true

    /// With what it has started; wait() comes true then.
    void kill();

    Child(Child&&) noexcept = default;
    Child& operator=(Child&&) = delete;
    /// Kills what is left; the rest is done when that is gone.
    ~Child();

  private:
    struct State;
    explicit Child(std::shared_ptr<State> state) : state_(std::move(state)) {}

    std::shared_ptr<State> state_;
};

}  // namespace weir
