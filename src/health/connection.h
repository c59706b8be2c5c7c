// A probe's TCP connection: over a passage, with one deadline for everything that is done on it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "net/passage.h"

namespace weir::health {

/// Operations end with asio::error::timed_out at the deadline, and throw when their coroutine is cancelled.
/// However it ends, the socket closes by RST and only then the passage is undone.
class Connection {
  public:
    using Code = boost::system::error_code;

    static Result<Connection> over(net::Passage passage, const boost::asio::any_io_executor& executor,
                                   std::chrono::steady_clock::time_point deadline);

    boost::asio::awaitable<Code> connect();
    boost::asio::awaitable<Code> write(std::string_view bytes);
    /// Into `*filled` the number of bytes read.
    boost::asio::awaitable<Code> read_some(boost::asio::mutable_buffer into, size_t* filled);

    Connection(Connection&&) noexcept = default;
    Connection& operator=(Connection&&) = delete;
    ~Connection();

  private:
    struct Line;
    explicit Connection(std::shared_ptr<Line> line) : line_(std::move(line)) {}

    std::shared_ptr<Line> line_;  // shared with the deadline's timer
};

/// The system's text for a failure, in lower case as it stands within a message.
std::string text_of(const boost::system::error_code& code);

}  // namespace weir::health
