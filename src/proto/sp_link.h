// Connections of a queue: opened, tuned so that little lies in the kernel, and greeted.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <vector>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "net/lookup.h"
#include "proto/sp_url.h"

namespace weir::proto::sp {

using Socket = boost::asio::generic::stream_protocol::socket;

/// At an address of this host, "*" or a path. A socket file that nobody listens at any more is replaced.
Result<UniqueFd> listen(const Url& url);

/// The next connection as it is to be used; none where nobody has come, or he has gone again.
Result<std::optional<Socket>> accept(int listening, const Url& url, Role self,
                                     const boost::asio::any_io_executor& executor);

/// Both sides say who they are; fails at the deadline, or where the other is nobody to talk to.
boost::asio::awaitable<Status> greet(Socket& socket, Role self, Clock& clock, Clock::Time deadline);

/// Dials one URL again and again.
class Dialler {
  public:
    Dialler(Url url, Role self) : url_(std::move(url)), self_(self), lookup_(url_.host, url_.port) {}

    /// Connected and greeted. Of several addresses the first that answers.
    boost::asio::awaitable<Result<Socket>> dial(Clock& clock, Clock::Time deadline);

    const Url& url() const { return url_; }

  private:
    boost::asio::awaitable<Result<Socket>> connect(const net::SocketAddress& address, Clock& clock,
                                                   Clock::Time deadline);

    const Url url_;
    const Role self_;
    net::Lookup lookup_;
};

}  // namespace weir::proto::sp
