// The demo's backend: a small web server that answers every GET with its name, in a process that can be
// killed. (Tests use nginx, lab/nginx.h; the demo needs no further package.) The process is `weir demo
// --backend NAME`.
#pragma once

#include <memory>
#include <string>

#include "lab/process.h"

namespace weir::lab {

class WebServer {
  public:
    /// Listens on port 80 of every address, when this returns.
    WebServer(Host& host, std::string name, std::string weir_binary);

    void kill();
    void start();

  private:
    Host& host_;
    std::string name_;
    std::string binary_;
    std::unique_ptr<Process> process_;
};

/// The server itself, on the listening socket that was handed over. Returns only by an exception.
int serve_name(const std::string& name);

}  // namespace weir::lab
