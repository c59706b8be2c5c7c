// The time that time-outs and pauses run by: the machine's, or in tests one that moves by hand.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace weir {

/// Used in one thread, the executor's that calls come on.
class Clock {
  public:
    using Time = std::chrono::steady_clock::time_point;
    using Duration = std::chrono::steady_clock::duration;
    /// A call that is agreed on. It does not come once this is gone.
    using Alarm = std::shared_ptr<void>;

    Clock() = default;
    Clock(const Clock&) = delete;
    virtual ~Clock() = default;

    virtual Time now() const = 0;

    /// Calls once, at `due` or soon afterwards, never within at().
    [[nodiscard]] virtual Alarm at(Time due, std::function<void()> call) = 0;

    [[nodiscard]] Alarm after(Duration span, std::function<void()> call) {
        return at(now() + span, std::move(call));
    }
};

/// The machine's, CLOCK_MONOTONIC.
class SystemClock final : public Clock {
  public:
    explicit SystemClock(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}

    Time now() const override { return std::chrono::steady_clock::now(); }
    Alarm at(Time due, std::function<void()> call) override;

  private:
    boost::asio::any_io_executor executor_;
};

/// How a coroutine sleeps, one at a time.
class Sleep {
  public:
    explicit Sleep(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}

    /// Or until it is woken or cancelled.
    boost::asio::awaitable<void> until(Clock& clock, Clock::Time due);
    /// Nothing to somebody who is awake.
    void wake() noexcept { timer_.reset(); }

  private:
    boost::asio::any_io_executor executor_;
    std::optional<boost::asio::steady_timer> timer_;  // never due; who waits for it is told when it goes
};

}  // namespace weir
