// The group's sockets: one that sends, and hears what is sent to this host, and one that hears the group
// where the first cannot do that too.
#pragma once

#include <array>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "model/sync.h"
#include "sync/transport.h"
#include "sync/wire.h"

namespace weir::sync {

class Socket final : public Transport {
  public:
    /// Fails where there is no such interface or address.
    static Result<std::unique_ptr<Socket>> open(const model::Sync& settings);

    Sending send(const net::Endpoint& to, std::span<const uint8_t> datagram) override;
    size_t receive(size_t most, const Take& take) override;

    const net::Endpoint& listening() const { return listening_; }
    /// Datagrams that the kernel had no room for.
    uint64_t dropped_total() const { return main_.dropped + group_.dropped; }
    /// Why the kernel did not send, the last time that it did not; "" since it has.
    const std::string& trouble() const { return trouble_; }
    /// Whether the interface is still the one that it was opened with.
    bool is_current(const model::Sync& settings) const;

    static constexpr int kRoom = 8 << 20;  // of a socket, in bytes

  private:
    struct Ear {
        UniqueFd fd{};
        uint32_t dropped = 0;  // as the kernel counts
    };

    static size_t receive(Ear& ear, size_t most, const Take& take);

    Ear main_;
    Ear group_;
    unsigned interface_ = 0;
    net::Endpoint listening_;
    std::string trouble_;
};

}  // namespace weir::sync
