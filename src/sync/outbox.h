// What goes out: numbered, signed, and kept until the kernel takes it.
#pragma once

#include <deque>

#include "sync/keys.h"
#include "sync/roster.h"
#include "sync/transport.h"

namespace weir::sync {

class Outbox {
  public:
    explicit Outbox(uint64_t self) : self_(self) {}

    /// At least one key. What waits goes out as it is.
    void set(Keys keys, uint32_t fingerprint, std::vector<net::Endpoint> everybody);

    void to_all(Type type, std::span<const uint8_t> body, size_t flows = 0);
    /// To one that has given us a challenge.
    void to_one(Peer& peer, Type type, std::span<const uint8_t> body, size_t flows = 0);

    /// There is no use in making more just now.
    bool is_full() const { return waiting_.size() >= kRoom; }
    /// As many as go, and no more than a burst.
    void flush(Transport& transport);

    const SentCounts& counts() const { return counts_; }

    static constexpr size_t kRoom = 256;
    static constexpr size_t kBurst = 512;  // sends

  private:
    struct Letter {
        Bytes bytes;
        std::vector<net::Endpoint> to;  // who is yet to get it, the next one last
    };

    void add(Header header, std::span<const uint8_t> body, std::vector<net::Endpoint> to, size_t flows);

    uint64_t self_;
    Keys keys_;
    uint32_t fingerprint_ = 0;
    std::vector<net::Endpoint> everybody_;
    uint64_t sequence_ = 0;  // of what goes to all
    std::deque<Letter> waiting_;
    SentCounts counts_;
};

}  // namespace weir::sync
