// What is to be seen of the BGP speaker, as values: what the API, the metrics and `weir bgp` show. All of it
// on the control thread.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/bgp.h"

namespace weir::announce {

struct BgpRouteRow {
    net::Prefix prefix;
    net::Ip next_hop;
    std::vector<uint32_t> as_path{};
    std::optional<uint32_t> med{};
    std::optional<uint32_t> local_pref{};
    std::vector<uint32_t> communities{};
    std::vector<model::LargeCommunity> large_communities{};
};

/// In the order of the types on the wire.
inline constexpr std::array<std::string_view, 5> kBgpMessages{"open", "update", "notification", "keepalive",
                                                              "route_refresh"};
using BgpMessageCounts = std::array<uint64_t, kBgpMessages.size()>;

/// Why a BFD packet was refused, in the order of announce::bfd::Refusal.
inline constexpr std::array<std::string_view, 8> kBfdRefusals{
    "hop_limit",  "length",         "version",          "multiplier",
    "multipoint", "authentication", "my_discriminator", "your_discriminator"};
using BfdRefusalCounts = std::array<uint64_t, kBfdRefusals.size()>;

/// The BFD session with a peer; the words are those of RFC 5880.
struct BfdRow {
    using SystemTime = std::chrono::system_clock::time_point;

    std::string_view state;  // admin_down, down, init, up
    std::string_view remote_state;
    std::string_view diagnostic;  // of the last change: none, detection_time_expired, …
    std::string_view remote_diagnostic;
    SystemTime since{};  // in this state
    bool multihop = false;
    std::optional<net::Ip> local{};                  // none where it has no socket
    std::string last_error{};                        // why nothing can be sent; "" where it can
    std::chrono::microseconds transmit_interval{0};  // as negotiated; 0: the peer wants none
    std::chrono::microseconds receive_interval{0};   // as negotiated; 0: nothing has been heard
    std::chrono::microseconds detection_time{0};
    uint64_t up_total = 0;
    uint64_t received_total = 0;  // that were in order
    uint64_t sent_total = 0;
    BfdRefusalCounts refused_total{};
};

struct BgpPeerRow {
    using SystemTime = std::chrono::system_clock::time_point;

    model::BgpPeer settings;   // without the password
    std::string_view state;    // of RFC 4271: idle, connect, active, open_sent, open_confirm, established
    SystemTime since{};        // in this state
    std::string last_error{};  // why the last session or try ended; "" before any did
    std::optional<net::Ip> local{};  // what follows is of an established session
    std::optional<net::Ip> router_id{};
    std::chrono::seconds hold_time{0};
    std::vector<std::string_view> agreed{};         // "ipv4", "ipv6", "ipv4-over-ipv6", "four-byte-asn", …
    std::vector<BgpRouteRow> routes{};              // that it was told of
    std::map<net::Prefix, std::string> withheld{};  // VIPs that it is not told of, and why
    uint64_t established_total = 0;
    BgpMessageCounts received_total{};
    BgpMessageCounts sent_total{};
    uint64_t prefixes_ignored_total = 0;  // that it announced: weir imports nothing
    uint64_t faults_total = 0;            // UPDATEs with something wrong that the session outlived (RFC 7606)
    std::string last_fault{};
    std::optional<BfdRow> bfd{};
};

struct BgpReport {
    uint32_t asn = 0;  // 0: no BGP is spoken
    std::optional<net::Ip> router_id{};
    std::vector<net::Endpoint> listening{};
    uint64_t strangers_total = 0;      // connections from addresses that are no peer's
    uint64_t bfd_strangers_total = 0;  // BFD packets from addresses that no session is with
    std::vector<BgpPeerRow> peers{};
};

class BgpReporting {
  public:
    virtual ~BgpReporting() = default;
    virtual BgpReport report() const = 0;
};

}  // namespace weir::announce
