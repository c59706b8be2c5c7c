// A session with ZooKeeper by its C library, which has threads of its own: what they say comes to the
// executor. The library reconnects by itself while the session lasts, and sets its watches again then.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/ip.h"

namespace weir::discovery {

struct ZookeeperTerms {
    std::vector<net::Endpoint> servers;  // at least one; the library takes them in any order
    std::string chroot{};                // "" or a path: all paths are below it
    std::chrono::milliseconds timeout{};
    std::string credentials{};  // USER:PASSWORD for the scheme `digest`; "" without
};

/// As the library writes the servers and what is below them.
std::string connect_string(const ZookeeperTerms& terms);

/// What becomes of a question. `absent`: there is no such node. `lost`: the connection or the session is, and
/// change() tells how that goes on. `denied`: the node's ACL does not let weir read.
enum class ZookeeperAnswer : uint8_t { done, absent, denied, lost, failed };

/// Behind the session's end, `expired` or `refused` (its credentials were), another one is needed.
enum class ZookeeperState : uint8_t { connecting, connected, expired, refused };

class ZookeeperSession {
  public:
    using Answer = ZookeeperAnswer;

    struct Events {
        std::function<void(ZookeeperState)> change;
        /// A node that was asked for is another one, has other children, is gone or is there.
        std::function<void(const std::string& path)> stir;
    };

    /// Begins to connect. Fails where the library cannot start.
    static Result<std::unique_ptr<ZookeeperSession>> open(const ZookeeperTerms& terms,
                                                          boost::asio::any_io_executor executor,
                                                          Events events);
    /// Nobody is called any more; the session ends behind the caller's back, because the library waits for
    /// the server then.
    ~ZookeeperSession();
    ZookeeperSession(const ZookeeperSession&) = delete;

    // Each calls once, never within itself, and tells once of the next change (Events::stir).
    void children(const std::string& path, std::function<void(Answer, std::vector<std::string>)> then);
    void data(const std::string& path, std::function<void(Answer, std::string)> then);
    void exists(const std::string& path, std::function<void(Answer)> then);

  private:
    struct Shared;
    struct Callbacks;
    explicit ZookeeperSession(std::shared_ptr<Shared> shared);

    std::shared_ptr<Shared> shared_;  // with the library's threads
};

}  // namespace weir::discovery
