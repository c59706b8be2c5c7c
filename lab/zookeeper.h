// A real ZooKeeper server on a host, in a directory of its own, and a client to change what it holds.
#pragma once

#include <csignal>
#include <memory>
#include <string>

#include "lab/process.h"
#include "lab/temp_dir.h"

namespace weir::lab {

class Zookeeper {
  public:
    /// On port 2181 of every address. Returns when it answers.
    explicit Zookeeper(Host& host);
    ~Zookeeper();

    /// What it held before is there again.
    void start();
    /// SIGKILL.
    void kill();
    /// SIGSTOP and SIGCONT: what is connected stays so, and the kernel takes connections, but nobody answers.
    void stop() { process_->kill(SIGSTOP); }
    void go_on() { process_->kill(SIGCONT); }
    /// Nothing that it held is there at the next start().
    void forget();

    // Through a session of its own with the server; they throw what goes wrong.
    void create(const std::string& path, const std::string& data = "");
    /// For those who say `credentials`, USER:PASSWORD, alone.
    void create_for(const std::string& credentials, const std::string& path, const std::string& data = "");
    void set(const std::string& path, const std::string& data);
    void remove(const std::string& path);

    /// Empty when there is one, else why not; for GTEST_SKIP.
    static std::string why_not();

  private:
    struct Client;
    Client& client();

    Host& host_;
    TempDir dir_;
    std::unique_ptr<Process> process_;
    std::unique_ptr<Client> client_;
};

}  // namespace weir::lab
