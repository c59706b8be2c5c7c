// One TCP connection to a peer: writes what it is given in order, and ends so that the peer reads the last of
// it. On the executor's one thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <memory>

#include "announce/bgp/message.h"
#include "base/unique_fd.h"

namespace weir::announce::bgp {

/// Shared by its owner and by what is under way on it.
class Connection : public std::enable_shared_from_this<Connection> {
  public:
    using Code = boost::system::error_code;

    /// `connected`: the peer has done that.
    Connection(const boost::asio::any_io_executor& executor, net::Family family, UniqueFd socket,
               bool connected);

    boost::asio::awaitable<Code> connect(net::Endpoint to);
    /// A whole message with its header into `*message`; a Refusal where its header is wrong.
    boost::asio::awaitable<Code> read(Bytes* message, std::optional<Refusal>* refusal);

    void send(Bytes message);
    /// When all is sent. What still comes is thrown away for a moment, so that closing does not make the
    /// kernel reset the connection before the peer has read why.
    void close();
    /// At once.
    void abort();

    /// Whether something has come that was not read yet.
    bool has_unread() const;
    /// How many bytes the peer has not made room for yet.
    size_t backlog() const { return backlog_; }
    bool is_closing() const { return closing_; }
    int socket() { return socket_.native_handle(); }

  private:
    void write();
    void finish();

    boost::asio::ip::tcp::socket socket_;
    boost::asio::steady_timer linger_;
    std::deque<Bytes> unsent_;
    size_t backlog_ = 0;  // of unsent_
    bool connected_;
    bool writing_ = false;
    bool closing_ = false;
};

}  // namespace weir::announce::bgp
