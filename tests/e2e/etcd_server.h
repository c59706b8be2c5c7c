// A real etcd on a host of the lab: one member, its data in a directory of its own.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lab/process.h"
#include "lab/temp_dir.h"

namespace weir::e2e {

struct EtcdOptions {
    std::string scheme = "http";
    std::vector<std::string> arguments{};  // further ones
};

class EtcdServer {
  public:
    /// Returns when it answers on `address`, port 2379.
    EtcdServer(lab::Host& host, std::string address, EtcdOptions options = {});

    /// Runs etcdctl on the host; throws when it fails. `words` end up behind the endpoint.
    std::string ctl(std::vector<std::string> words);
    void put(const std::string& key, const std::string& value) { ctl({"put", "--", key, value}); }
    void remove(const std::string& key) { ctl({"del", "--", key}); }

    /// At once, as a crash would.
    void kill();
    void start();
    std::string url() const { return options_.scheme + "://" + address_ + ":2379"; }
    lab::Process& process() { return *process_; }

    /// For what ctl() shows, such as --user or --cacert.
    std::vector<std::string> credentials;

    /// Empty when etcd is installed, else why not; for GTEST_SKIP.
    static std::string why_not();

  private:
    lab::Host& host_;
    std::string address_;
    EtcdOptions options_;
    lab::TempDir directory_;
    std::unique_ptr<lab::Process> process_;
};

}  // namespace weir::e2e
