// A probe's TCP connection, plain or with TLS: over a passage, with one deadline for everything that is done
// on it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "net/passage.h"
#include "net/tls.h"

namespace weir::health {

using net::TlsSession;  // health/tls.h makes them

/// Operations end with asio::error::timed_out at the deadline, and throw when their coroutine is cancelled.
/// However it ends, the socket closes by RST and only then the passage is undone.
class Connection {
  public:
    using Code = boost::system::error_code;

    static Result<Connection> over(net::Passage passage, const boost::asio::any_io_executor& executor,
                                   Clock& clock, Clock::Time deadline);

    boost::asio::awaitable<Code> connect();
    /// The handshake; reading and writing are by TLS from then on. The session lives as long as the
    /// connection.
    boost::asio::awaitable<Code> secure(TlsSession session);
    boost::asio::awaitable<Code> write(std::string_view bytes);
    /// Into `*filled` the number of bytes read. Of an end by TLS or without it the code is asio::error::eof.
    boost::asio::awaitable<Code> read_some(boost::asio::mutable_buffer into, size_t* filled);

    Connection(Connection&&) noexcept;
    Connection& operator=(Connection&&) = delete;
    ~Connection();

  private:
    struct State;
    explicit Connection(std::unique_ptr<State> state);

    std::unique_ptr<State> state_;
};

/// Whether a connection failed because this host lacks something: ports, memory, its own address.
bool is_ours(const boost::system::error_code& code);

/// The system's text for a failure, in lower case as it stands within a message.
std::string text_of(const boost::system::error_code& code);

}  // namespace weir::health
