// A connection to a Redis server, by TCP, TLS or a socket of the file system, that is ready for commands: who
// weir is has been said, and the database is chosen.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "discovery/host_port.h"
#include "discovery/redis_protocol.h"
#include "model/tls.h"
#include "net/lookup.h"

namespace weir::discovery {

struct RedisServer {
    std::string path{};  // of a socket; empty: it is at `address`
    std::optional<HostPort> address{};
    std::optional<model::Tls> tls{};  // with an address only
    std::string user{};               // empty: the default one
    model::FileText password{};       // empty: there is none to say
    int64_t db = 0;

    /// For messages.
    std::string text() const { return path.empty() ? address->text() : path; }
};

/// Operations throw when their coroutine is cancelled. After a failure the connection is of no use any more;
/// an error that the server answers is no failure.
class RedisConnection {
  public:
    /// `lookup`: of the server's address; not needed for a path. Everything ends at the deadline.
    static boost::asio::awaitable<Result<RedisConnection>> open(const RedisServer& server,
                                                                net::Lookup* lookup, Clock& clock,
                                                                Clock::Time deadline);

    boost::asio::awaitable<Status> send(std::span<const std::string_view> words, Clock::Time deadline);
    /// The next reply; nothing if none has come by the deadline, which is no failure.
    boost::asio::awaitable<Result<std::optional<RedisReply>>> receive(Clock::Time deadline);
    /// A command and its reply.
    boost::asio::awaitable<Result<RedisReply>> ask(std::span<const std::string_view> words,
                                                   Clock::Time deadline);

    RedisConnection(RedisConnection&&) noexcept;
    RedisConnection& operator=(RedisConnection&&) noexcept;
    ~RedisConnection();

  private:
    struct State;
    explicit RedisConnection(std::unique_ptr<State> state);

    boost::asio::awaitable<Status> introduce(const RedisServer& server, Clock::Time deadline);

    std::unique_ptr<State> state_;
};

}  // namespace weir::discovery
