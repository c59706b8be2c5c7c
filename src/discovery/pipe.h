// What a program writes, as it comes through a pipe.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace weir::discovery {

/// Used in one thread, the executor's.
class Pipe {
  public:
    /// Gets what has come, and an empty text at its end. Says for how long no more is to be read, so that the
    /// program waits; nothing when no more is wanted.
    using Take = std::function<std::optional<Clock::Duration>(std::string_view)>;

    /// Not called any more once the pipe is closed.
    static Result<Pipe> open(const boost::asio::any_io_executor& executor, Clock& clock, Take take);

    /// For the program; to be let go of when it has started.
    UniqueFd& other_end() { return other_end_; }

    /// Reads on until it is closed.
    void start();
    /// Reads what is there, now, and closes. For when the program has ended: another may still have its end.
    void finish();
    void close();

    Pipe(Pipe&&) noexcept = default;
    Pipe& operator=(Pipe&&) = delete;
    ~Pipe() {
        if (end_) close();
    }

  private:
    struct End;
    static boost::asio::awaitable<void> read(std::shared_ptr<End> end);
    explicit Pipe(std::shared_ptr<End> end, UniqueFd other_end)
        : end_(std::move(end)), other_end_(std::move(other_end)) {}

    std::shared_ptr<End> end_;
    UniqueFd other_end_;
};

}  // namespace weir::discovery
