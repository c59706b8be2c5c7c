// Takes over from a running daemon: a new one that is started at its socket gets the listening sockets, and
// the old one ends and leaves the datapath as it is. Who asks the API meanwhile waits in the sockets' queues,
// and a configuration that the new one refuses costs nothing: it asks for the sockets when all else is read.
//
// On a unix socket beside the API's (its path and ".takeover"): the new daemon says where its datapath is
// pinned. The old one answers with the message of admin/handed.h. That the connection ends says that it has
// gone, however that came.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "admin/handed.h"
#include "admin/sockets.h"

namespace weir::app {

/// The old daemon's end. Destroyed last of all that the daemon owns: that tells the new one to begin.
class Handover {
  public:
    struct Daemon {
        std::function<std::vector<admin::Handed>()> give;           // its sockets
        std::function<void(std::vector<admin::Handed>)> take_back;  // those that nobody wanted
        std::function<void()> leave;                                // ends it, once they are on their way
    };
    Handover(const boost::asio::any_io_executor& executor, Daemon daemon);

    /// `path`: of the API's socket.
    Status listen(const std::string& path, const std::string& pins);

  private:
    using Descriptor = boost::asio::posix::stream_descriptor;
    void wait();
    void pause();
    void meet();
    void answer();

    Descriptor listening_;
    Descriptor next_;  // to the daemon that takes over, until this one has gone
    boost::asio::steady_timer timer_;
    std::string pins_;
    Daemon daemon_;
    std::optional<admin::UnixListener> file_;
};

/// The new daemon's: whether there is one at `path` to take over from.
bool can_take_over(const std::string& path);

/// What the one at `path` gives up; nothing where none runs. Fails when that has not gone within `limit`.
Result<std::optional<std::vector<admin::Handed>>> take_over(const std::string& path, const std::string& pins,
                                                            std::chrono::milliseconds limit);

}  // namespace weir::app
