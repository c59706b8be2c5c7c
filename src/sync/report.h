// What is to be seen of the sharing of flows, as values: what the API, the metrics and `weir sync` show. All
// of it on the control thread.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/flow_store.h"

namespace weir::sync {

/// Why a datagram was not believed, or not understood. Each changes nothing but its count.
enum class Refused : uint8_t {
    wrong_size,    // too short, or longer than any of weir's
    not_weir,      // it does not begin like one of weir's
    version,       // of a later version of the protocol
    unknown_key,   // signed with a key that is not in the key file
    flooding,      // too many from strangers: not looked at
    forged,        // the code is wrong
    misdirected,   // meant for somebody else, or for an earlier run
    crowded,       // more senders than a group has
    unproven,      // the sender has not shown yet that it is no recording
    replayed,      // it has come before, or is too old to tell
    unknown_type,  // of a later version, too
    malformed,     // signed, and nonsense
    wrong_secret,  // its flows have other hashes
};
inline constexpr size_t kRefused = 13;
std::string_view to_text(Refused reason);

/// How a peer is.
enum class PeerState : uint8_t {
    greeting,  // it is heard, and is yet to show that it hears us, and is no recording
    up,
    silent,  // it has been up
    left,    // it has said that it goes
};
std::string_view to_text(PeerState state);

struct PeerRow {
    using SystemTime = std::chrono::system_clock::time_point;

    net::Endpoint endpoint;         // where it sends from: no two rows have the same
    std::optional<net::Ip> node{};  // its node address, if it has said one
    PeerState state = PeerState::greeting;
    std::string fault{};                 // what is wrong with it, in words; "" when nothing is
    SystemTime started{};                // its run
    std::chrono::milliseconds heard{0};  // ago
    std::chrono::microseconds round_trip{0};
    /// How long a change of its flows takes at most until it is known here, unless a datagram is lost.
    std::chrono::microseconds lag{0};
    uint64_t datagrams_total = 0;  // that were believed
    uint64_t bytes_total = 0;
    uint64_t lost_total = 0;          // sent and not come; one that comes late is not among them
    uint64_t repeated_total = 0;      // refused as replayed
    uint64_t lost_there_total = 0;    // of ours, as it says
    model::TakenFlows flows_total{};  // what became of those it told of

    uint64_t flows() const {
        return flows_total.taken + flows_total.kept + flows_total.unknown + flows_total.full +
               flows_total.unfit;
    }
};

struct SentCounts {
    uint64_t datagrams_total = 0;  // one to three peers counts three times
    uint64_t bytes_total = 0;      // without the headers of UDP and IP
    uint64_t flows_total = 0;      // counts once
    uint64_t deferred_total = 0;   // the kernel had no room: tried again
    uint64_t failed_total = 0;     // the kernel would not

    bool operator==(const SentCounts&) const = default;
};

struct SnapshotCounts {
    uint64_t asked_total = 0;
    uint64_t received_total = 0;   // whole
    uint64_t abandoned_total = 0;  // the peer fell silent
    uint64_t served_total = 0;
};

struct RefusedCount {
    uint64_t total = 0;
    std::optional<net::Endpoint> last_from{};
};

struct Report {
    bool enabled = false;
    std::vector<net::Endpoint> speaks_to{};  // group and peers of the configuration
    std::optional<net::Endpoint> listening{};
    std::string error{};                // why nothing is sent or heard; "" when all is well
    std::chrono::milliseconds pass{0};  // so long it takes to tell of all changes here
    std::string snapshot{};             // "wanted", "coming from …", "complete", "none asked for"
    SentCounts sent{};
    SnapshotCounts snapshots{};
    uint64_t received_datagrams_total = 0;  // whatever became of them
    uint64_t received_bytes_total = 0;
    uint64_t dropped_total = 0;                    // by the kernel, for want of room
    std::array<RefusedCount, kRefused> refused{};  // by reason
    uint64_t flows_from_peers = 0;                 // that stand in the table
    std::vector<PeerRow> peers{};                  // ordered by endpoint
};

class Reporting {
  public:
    virtual ~Reporting() = default;
    virtual Report report() const = 0;
};

}  // namespace weir::sync
