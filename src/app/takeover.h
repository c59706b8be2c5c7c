// Takes over from a running daemon: a new one that is started at its socket gets the listening sockets, and
// the old one ends and leaves the datapath as it is. Who asks the API meanwhile waits in the sockets' queues,
// and a configuration that the new one refuses costs nothing: it asks for the sockets when all else is read.
//
// On a unix socket beside the API's (its path and ".takeover"): the new daemon says where its datapath is
// pinned. The old one answers with one message: a letter for each descriptor that goes with it; or '!' and
// why not. That the connection ends says that it has gone, however that came.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "admin/server.h"
#include "admin/sockets.h"

namespace weir::app {

/// The old daemon's end. Destroyed last of all that the daemon owns: that tells the new one to begin.
class Handover {
  public:
    /// `give` gives up the sockets; then `leave` is called, which ends the daemon.
    Handover(boost::asio::any_io_executor executor, std::function<std::vector<admin::Handed>()> give,
             std::function<void()> leave);

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
    std::function<std::vector<admin::Handed>()> give_;
    std::function<void()> leave_;
    std::optional<admin::UnixListener> file_;
};

/// The new daemon's: what the one at `path` gives up; nothing where none runs. Fails when that has not gone
/// within `limit`.
Result<std::vector<admin::Handed>> take_over(const std::string& path, const std::string& pins,
                                             std::chrono::milliseconds limit);

}  // namespace weir::app
