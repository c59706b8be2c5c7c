// Who may speak in the group: whoever has one of its keys. The first signs, all are believed, so that keys
// can be changed while the group goes on.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/hmac.h"
#include "sync/wire.h"

namespace weir::sync {

class Keys {
  public:
    Keys() = default;
    explicit Keys(const std::vector<std::string>& keys);

    /// Of the one that signs. At least one is there.
    uint32_t signing() const { return keys_.front().id; }
    /// Appends the code; the header names the signing key.
    void sign(Bytes& datagram) const;

    bool knows(uint32_t id) const;
    /// Whether the code at the end is of a key with the header's id.
    bool is_authentic(const Header& header, std::span<const uint8_t> datagram) const;

  private:
    struct Key {
        uint32_t id;
        Hmac hmac;
    };
    std::vector<Key> keys_;
};

/// What balancers compare to see that their flows have the same hash.
uint32_t fingerprint_of(uint64_t flow_secret);

}  // namespace weir::sync
