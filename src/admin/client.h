// The command line's side of the admin API: one request over the daemon's unix socket, waiting for the
// answer.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "admin/http.h"
#include "base/unique_fd.h"

namespace weir::admin {

class Client {
  public:
    /// Nothing where no daemon listens.
    static Result<std::optional<Client>> find(const std::string& socket_path);
    /// Fails, saying so for people, where no daemon listens.
    static Result<Client> connect(const std::string& socket_path);

    /// Blocks until the answer is there, whatever its status.
    Result<Response> call(const Request& request,
                          std::chrono::milliseconds timeout = std::chrono::seconds(30));

    /// Hands over what comes, as it comes, to the end; after SIGINT or SIGTERM the daemon is asked to make
    /// one, and has `farewell` for that; the next signal does what it always does. The daemon's summary.
    /// Fails with its text where it refuses, and where the end is missing.
    Result<std::string> stream(const Request& request, const std::function<Status(std::string_view)>& sink,
                               std::chrono::milliseconds farewell = std::chrono::seconds(5));

  private:
    explicit Client(UniqueFd socket) : socket_(std::move(socket)) {}

    UniqueFd socket_;
};

/// What the daemon complains of in an answer other than 200.
std::string complaint_in(const Response& answer);

}  // namespace weir::admin
