// The way by which datagrams come and go: two operations, so that tests have one in memory.
#pragma once

#include <functional>
#include <span>

#include "net/ip.h"

namespace weir::sync {

enum class Sending : uint8_t { done, busy, failed };

class Transport {
  public:
    using Take = std::function<void(const net::Endpoint& from, std::span<const uint8_t> datagram)>;

    virtual ~Transport() = default;
    /// Never waits. `busy`: there is no room now.
    virtual Sending send(const net::Endpoint& to, std::span<const uint8_t> datagram) = 0;
    /// Those that have come, `most` at most. Gives how many.
    virtual size_t receive(size_t most, const Take& take) = 0;
};

}  // namespace weir::sync
