// What the operator asked of BGP: values of the configuration. See weir.yaml(5) and doc/bgp.md.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/ip.h"

namespace weir::model {

/// RFC 8092.
struct LargeCommunity {
    uint32_t global = 0;
    uint32_t first = 0;
    uint32_t second = 0;

    auto operator<=>(const LargeCommunity&) const = default;
};

/// How much others are to like a route, and what they are to do with it. A service's go before those of the
/// peer; communities are those of both.
struct BgpAttributes {
    std::optional<uint32_t> med{};
    std::optional<uint32_t> local_pref{};  // to peers of the own AS
    std::optional<uint8_t> prepend{};      // so often the own AS stands once more in the path
    std::vector<uint32_t> communities{};   // sorted
    std::vector<LargeCommunity> large_communities{};

    bool operator==(const BgpAttributes&) const = default;
};

/// Bidirectional forwarding detection with a peer (RFC 5880), which tells at once when the path to it is
/// gone.
struct Bfd {
    std::chrono::milliseconds interval{100};  // that is wished for, each way
    uint8_t multiplier = 3;                   // so many missing packets are a failure
    std::optional<bool> multihop{};           // RFC 5883; default: what the BGP session is

    bool operator==(const Bfd&) const = default;
};

struct BgpPeer {
    net::Ip address;
    uint32_t asn = 0;
    net::Port port{179};
    std::string description{};
    std::optional<net::Ip> source{};    // of the peer's family; default: what the route to it says
    std::string password{};             // of TCP-MD5; empty: without
    std::chrono::seconds hold_time{9};  // as offered; 0: the session never times out
    std::chrono::seconds connect_retry{5};
    bool passive = false;                   // it is waited for
    std::optional<uint8_t> multihop{};      // so many hops away at most; default: 1, inside the own AS any
    std::optional<uint8_t> ttl_security{};  // as multihop, and shown by the TTL of what arrives (RFC 5082)
    std::optional<net::Ip> next_hop_v4{};   // default: the own address of the session
    std::optional<net::Ip> next_hop_v6{};
    std::optional<Bfd> bfd{};
    BgpAttributes attributes{};
    std::vector<net::Prefix> accept{};  // what may be announced lies in one of these; empty: everything
    std::vector<net::Prefix> reject{};  // and in none of these

    bool operator==(const BgpPeer&) const = default;
};

struct Bgp {
    uint32_t asn = 0;                           // 0: no BGP is spoken
    std::optional<net::Ip> router_id{};         // IPv4; default: the node's address, or an interface's
    std::vector<net::Endpoint> listen{};        // where peers may connect
    std::chrono::seconds drain{2};              // at the end: from the VIPs' withdrawal until sessions close
    std::chrono::seconds graceful_shutdown{0};  // before that: so long they have the community of RFC 8326
    std::chrono::seconds restart_time{30};      // so long peers may keep routes while a daemon takes over
    std::string shutdown_message{};             // what peers are told at the end
    std::vector<BgpPeer> peers{};               // addresses are distinct

    bool operator==(const Bgp&) const = default;
};

/// `65000:100`, or the name of a well-known one.
std::string community_text(uint32_t community);
/// By its name.
std::optional<uint32_t> well_known_community(std::string_view name);
std::string to_text(const LargeCommunity& community);

}  // namespace weir::model
