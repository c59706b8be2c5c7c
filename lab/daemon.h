// The real daemon on a host of the lab, with a socket, a log and a BPF file system of its own.
#pragma once

#include <boost/json/value.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lab/bpffs.h"
#include "lab/process.h"
#include "lab/temp_dir.h"

namespace weir::lab {

class Daemon {
  public:
    /// `binary run -c …`; returns when the API answers. `listen_fds` are sockets for the API, as systemd
    /// hands them over.
    Daemon(Host& host, std::string binary, const std::string& config, std::vector<int> listen_fds = {});

    /// What the API says, or why it says nothing.
    Result<boost::json::value> get(const std::string& path) const;
    /// Replaces the configuration's text and sends SIGHUP.
    void reload(const std::string& config);
    /// SIGKILL: the datapath stays. start() runs the next daemon on it.
    void kill();
    void start();
    /// Starts the next one over the running one; gives the exit code of that. `binary`: if it is another.
    std::optional<int> replace(const std::string& binary = "");

    bool alive() { return process_->alive(); }
    pid_t pid() const { return process_->pid(); }
    std::string log() const { return read_file(dir_ / "log"); }
    std::string socket() const { return dir_ / "weir.sock"; }
    std::string config_path() const { return dir_ / "weir.yaml"; }
    /// Where maps and links are pinned.
    std::string pins() const { return bpffs_.path() + "/weir"; }

  private:
    void spawn();

    Host& host_;
    std::string binary_;
    std::vector<int> listen_fds_;
    TempDir dir_;
    PrivateBpffs bpffs_;
    std::unique_ptr<Process> process_;
};

}  // namespace weir::lab
