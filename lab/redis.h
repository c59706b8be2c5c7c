// A real Redis server on a host, in a directory of its own, without anything on the disk.
#pragma once

#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "lab/process.h"
#include "lab/temp_dir.h"

namespace weir::lab {

class Redis {
  public:
    /// On port 6379 of every address, and on the socket socket_path(); further settings as on redis-server's
    /// command line. Returns when it answers.
    explicit Redis(Host& host, std::vector<std::string> settings = {});

    void start();
    /// SIGKILL.
    void kill();
    /// SIGSTOP and SIGCONT: what is connected stays so, and the kernel takes connections, but nobody answers.
    void stop() { process_->kill(SIGSTOP); }
    void go_on() { process_->kill(SIGCONT); }

    /// What redis-cli says over the socket, without its last newline. Throws when it fails.
    std::string tell(std::vector<std::string> command);
    std::string socket_path() const { return dir_ / "redis.sock"; }

    /// Empty when there is one, else why not; for GTEST_SKIP.
    static std::string why_not();

  private:
    Host& host_;
    const std::vector<std::string> settings_;
    TempDir dir_;
    std::unique_ptr<Process> process_;
};

}  // namespace weir::lab
