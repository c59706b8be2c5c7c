// The numbers of BGP-4 as they stand on the wire. The IANA's registry "BGP Parameters"; the RFCs are named
// where they are used. doc/bgp.md has the list.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "net/ip.h"

namespace weir::announce::bgp {

using Bytes = std::vector<uint8_t>;

inline constexpr size_t kMarkerSize = 16;
inline constexpr size_t kHeaderSize = 19;
inline constexpr size_t kMostMessage = 4096;

/// RFC 6793: who takes the place of an ASN that does not fit into two bytes.
inline constexpr uint32_t kAsTrans = 23456;
inline constexpr uint32_t kMostTwoByteAsn = 0xffff;
/// RFC 8326.
inline constexpr uint32_t kGracefulShutdown = 0xffff0000;

enum class Type : uint8_t { open = 1, update = 2, notification = 3, keepalive = 4, route_refresh = 5 };

enum class AttributeType : uint8_t {
    origin = 1,
    as_path = 2,
    next_hop = 3,
    med = 4,
    local_pref = 5,
    atomic_aggregate = 6,
    aggregator = 7,
    communities = 8,
    originator_id = 9,
    cluster_list = 10,
    mp_reach = 14,
    mp_unreach = 15,
    extended_communities = 16,
    as4_path = 17,
    as4_aggregator = 18,
    large_communities = 32,
};

/// Of an attribute's flags.
inline constexpr uint8_t kOptional = 0x80, kTransitive = 0x40, kExtendedLength = 0x10;

enum class CapabilityCode : uint8_t {
    multiprotocol = 1,      // RFC 4760
    route_refresh = 2,      // RFC 2918
    extended_next_hop = 5,  // RFC 8950
    graceful_restart = 64,  // RFC 4724
    four_byte_asn = 65,     // RFC 6793
    enhanced_refresh = 70,  // RFC 7313
};

inline constexpr uint8_t kUnicast = 1;  // the SAFI; weir has no other

constexpr uint16_t afi(net::Family family) {
    return family == net::Family::v4 ? 1 : 2;
}
constexpr std::optional<net::Family> family_of(uint16_t afi, uint8_t safi) {
    if (safi != kUnicast || afi < 1 || afi > 2) return std::nullopt;
    return afi == 1 ? net::Family::v4 : net::Family::v6;
}

/// A router id is written as an IPv4 address.
inline net::Ip address_of(uint32_t router_id) {
    return net::Ip::v4({static_cast<uint8_t>(router_id >> 24), static_cast<uint8_t>(router_id >> 16),
                        static_cast<uint8_t>(router_id >> 8), static_cast<uint8_t>(router_id)});
}
inline uint32_t number_of(const net::Ip& v4) {
    uint32_t number = 0;
    for (auto byte : v4.bytes()) number = number << 8 | byte;
    return number;
}

}  // namespace weir::announce::bgp
