// A child process on a host of the lab. It leads a process group of its own (Ctrl-C on the terminal reaches
// only the owner), has no standard input, and dies with the thread that started it, even by kill -9.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "lab/host.h"
#include "lab/wait.h"

namespace weir::lab {

struct ProcessOptions {
    std::vector<std::string> environment;  // NAME=value, besides what the owner has
    std::string output_file;               // for both outputs; empty: they are kept for out() and err()
    std::vector<int> listen_fds =
        {};  // handed over as 3, 4, … with LISTEN_FDS and LISTEN_PID (sd_listen_fds)
};

class Process {
  public:
    /// Throws when the program cannot be started. argv[0] is looked for in PATH.
    Process(Host& host, std::vector<std::string> argv, const ProcessOptions& options = {});
    /// A child that calls `work` and ends with its result; for owners with one thread.
    Process(Host& host, const std::function<int()>& work);
    /// SIGTERM, two seconds to end, then SIGKILL.
    ~Process();
    Process(Process&& other) noexcept;
    Process& operator=(Process&&) = delete;

    pid_t pid() const { return pid_; }
    bool alive();
    void kill(int signal);
    /// The exit status as a shell gives it (128 + the signal's number), or nothing when `limit` has passed.
    /// What is left of the process group is killed then.
    std::optional<int> wait(Duration limit);
    /// What it has written up to now.
    std::string out() const;
    std::string err() const;

  private:
    bool ended(Duration limit);
    void start(Host& host, const std::function<int()>& work);
    void open_outputs(const std::string& file);

    pid_t pid_ = -1;
    UniqueFd pidfd_;
    std::optional<int> status_;
    UniqueFd out_;  // files in memory when the output is kept: nobody needs to drain them
    UniqueFd err_;
};

struct Finished {
    int status = -1;
    std::string out;
    std::string err;
};

/// Runs a program to its end; throws when that takes longer than `limit`.
Finished run(Host& host, std::vector<std::string> argv, Duration limit = 30s,
             const ProcessOptions& options = {});

}  // namespace weir::lab
