// What ethtool tells of an interface, asked by ioctl (linux/ethtool.h).
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace weir::doctor {

class Ethtool {
  public:
    /// In the network namespace of the calling thread; the others stay in it.
    static Result<Ethtool> open();

    /// Each is empty where the driver does not tell.
    std::string driver(const std::string& interface) const;
    std::map<std::string, bool> features(const std::string& interface) const;
    struct Queues {
        uint32_t now = 0;
        uint32_t most = 0;
    };
    Queues receive_queues(const std::string& interface) const;

  private:
    explicit Ethtool(UniqueFd socket) : socket_(std::move(socket)) {}
    bool ask(const std::string& interface, void* command) const;

    UniqueFd socket_;
};

}  // namespace weir::doctor
