// The datagrams by which balancers share flows, as values and as bytes. Pure; doc/wire/sync.md has the layout
// byte by byte, and what a receiver does with it. Everything is in network order.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "model/flow_store.h"

namespace weir::sync {

using Bytes = std::vector<uint8_t>;

inline constexpr uint32_t kMagic = 0x77656972;  // "weir"
inline constexpr uint8_t kVersion = 1;
inline constexpr size_t kHeaderSize = 40;
inline constexpr size_t kCodeSize = 16;        // of the authentication, at the end
inline constexpr size_t kMostDatagram = 1400;  // so that no path has to fragment it
inline constexpr size_t kLeastDatagram = kHeaderSize + kCodeSize;
inline constexpr size_t kMostBody = kMostDatagram - kLeastDatagram;
inline constexpr size_t kMostHeard = 32;
inline constexpr unsigned kMostBucketBits = 32;
inline constexpr std::chrono::seconds kMostIdle{0x3fff};
inline constexpr std::chrono::milliseconds kMostUptime{1ll << 40};  // 34 years

enum class Type : uint8_t { heartbeat = 1, flows = 2, snapshot_request = 3, snapshot_end = 4 };

struct Header {
    uint8_t version = kVersion;
    uint8_t type = 0;          // a Type, or one of a later version's
    uint32_t key = 0;          // which key the code is made with
    uint32_t fingerprint = 0;  // of the secret of the sender's flow hash
    uint64_t sender = 0;       // one run of one daemon
    uint64_t to = 0;           // the challenge of the one that it is meant for; 0: all
    uint64_t sequence = 0;     // from 1 on, of what the sender sends to all, or to that one

    bool operator==(const Header&) const = default;
};

/// What a sender knows of one that it hears.
struct Heard {
    uint64_t peer = 0;       // its run
    uint64_t challenge = 0;  // what it has to echo, to show that it is no recording
    uint64_t echo = 0;       // its own challenge; 0: not known yet
    uint64_t clock = 0;      // what its clock would say by now, had its last heartbeat taken no time
    uint32_t lost = 0;       // of its datagrams
    bool believed = false;

    bool operator==(const Heard&) const = default;
};

struct Heartbeat {
    bool leaving = false;
    bool ready = false;                   // it would answer for VIPs in their own networks
    std::chrono::milliseconds pass{0};    // so long it takes until all changes are told
    std::chrono::milliseconds uptime{0};  // of this run
    uint64_t clock = 0;                   // the sender's, in microseconds since anything
    std::optional<net::Ip> node{};
    std::vector<Heard> heard{};  // at most kMostHeard

    bool operator==(const Heartbeat&) const = default;
};

/// Flows of several targets.
struct Flows {
    struct Section {
        model::TargetKey target;
        size_t first = 0;  // in `flows`
        size_t count = 0;

        bool operator==(const Section&) const = default;
    };

    unsigned bucket_bits = 0;  // of the sender's table
    std::vector<Section> sections{};
    std::vector<model::SharedFlow> flows{};

    std::span<const model::SharedFlow> of(const Section& section) const {
        return std::span(flows).subspan(section.first, section.count);
    }
    bool operator==(const Flows&) const = default;
};

struct SnapshotRequest {
    uint32_t number = 0;

    bool operator==(const SnapshotRequest&) const = default;
};

struct SnapshotEnd {
    uint32_t number = 0;  // of the request
    uint64_t flows = 0;   // so many were sent

    bool operator==(const SnapshotEnd&) const = default;
};

/// Of a body whose length fits it no more than what is known is read: later versions may append. Nothing
/// where a body is cut off or says what cannot be.
std::optional<Header> read_header(std::span<const uint8_t> datagram);
std::optional<Heartbeat> read_heartbeat(std::span<const uint8_t> body);
std::optional<Flows> read_flows(std::span<const uint8_t> body);
std::optional<SnapshotRequest> read_snapshot_request(std::span<const uint8_t> body);
std::optional<SnapshotEnd> read_snapshot_end(std::span<const uint8_t> body);

/// A whole datagram but for its code. A body that is longer than kMostBody is a bug of the caller's.
Bytes write(const Header& header, std::span<const uint8_t> body);
Bytes write(const Heartbeat& heartbeat);
Bytes write(const SnapshotRequest& request);
Bytes write(const SnapshotEnd& end);

/// Puts flows into as few bodies as it takes. Flows of one target that come one after another share a
/// section.
class FlowsWriter {
  public:
    explicit FlowsWriter(unsigned bucket_bits) : bucket_bits_(static_cast<uint8_t>(bucket_bits)) {}

    struct Body {
        Bytes bytes;
        size_t flows = 0;
    };

    void add(const model::TargetKey& target, const model::SharedFlow& flow);
    std::vector<Body> take();

  private:
    void begin_body();
    void begin_section(const model::TargetKey& target);

    uint8_t bucket_bits_;
    std::vector<Body> bodies_;
    std::optional<model::TargetKey> target_;  // of the open section
    size_t count_at_ = 0;                     // of the section's number of flows, in the last body
    uint16_t count_ = 0;
};

}  // namespace weir::sync
