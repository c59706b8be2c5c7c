// A real web server on a host: nginx without its master process, in a directory of its own.
// `/` answers with the server's name, `/alive` with "alive", `/big` is a download of zeros.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lab/process.h"
#include "lab/temp_dir.h"

namespace weir::lab {

struct NginxOptions {
    std::vector<std::string> listen = {"0.0.0.0:80", "[::]:80"};
    unsigned big_megabytes = 16;
    std::string limit_rate = "0";  // of /big for each connection, such as 2m; 0: as fast as it goes
    std::string more;              // further lines inside `server { … }`
};

class Nginx {
  public:
    /// Returns when it answers on its first address.
    Nginx(Host& host, const std::string& name, const NginxOptions& options = {});

    Process& process() { return *process_; }
    /// Ends it at once; its connections are reset or, when the host is cut off before, just silent.
    void kill();
    /// Starts it again after kill().
    void start();
    std::string access_log() const { return read_file(dir_ / "access.log"); }
    std::string error_log() const { return read_file(dir_ / "error.log"); }

    /// Empty when nginx is installed, else why not; for GTEST_SKIP.
    static std::string why_not();

  private:
    Host& host_;
    TempDir dir_;
    std::string ready_;  // the endpoint that is asked at the start
    std::unique_ptr<Process> process_;
};

}  // namespace weir::lab
