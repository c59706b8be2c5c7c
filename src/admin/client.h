// The command line's side of the admin API: one request over the daemon's unix socket, waiting for the
// answer.
#pragma once

#include <chrono>
#include <string>

#include "admin/http.h"
#include "base/unique_fd.h"

namespace weir::admin {

class Client {
  public:
    /// Fails, saying so for people, where no daemon listens.
    static Result<Client> connect(const std::string& socket_path);

    /// Blocks until the answer is there, whatever its status.
    Result<Response> call(const Request& request,
                          std::chrono::milliseconds timeout = std::chrono::seconds(30));

  private:
    explicit Client(UniqueFd socket) : socket_(std::move(socket)) {}

    UniqueFd socket_;
};

}  // namespace weir::admin
