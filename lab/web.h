// The demo's backend: a small web server that answers every GET with its name, in a process that can be
// killed. (Tests use nginx, lab/nginx.h; the demo needs no further package.)
#pragma once

#include <optional>
#include <string>

#include "lab/process.h"

namespace weir::lab {

class WebServer {
  public:
    /// Listens on port 80 of every address, when this returns. Before any thread is started: it forks.
    WebServer(Host& host, std::string name);

    void kill();
    void start();

  private:
    Host& host_;
    std::string name_;
    std::optional<Process> process_;
};

}  // namespace weir::lab
