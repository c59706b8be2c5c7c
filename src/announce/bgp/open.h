// The OPEN message and its capabilities. RFC 4271 section 4.2 and 6.2, 5492 (capabilities), 9072 (more of
// them than 255 bytes), and the RFCs in wire.h. Pure.
#pragma once

#include <map>
#include <set>

#include "announce/bgp/notification.h"

namespace weir::announce::bgp {

/// RFC 4724.
struct GracefulRestart {
    bool restarting = false;                 // the sender has just started again
    uint16_t seconds = 0;                    // so long its routes may be kept without a session
    std::map<net::Family, bool> forwarding;  // whether what it announced before is still forwarded

    bool operator==(const GracefulRestart&) const = default;
};

/// Those that weir knows; a peer's others are passed over.
struct Capabilities {
    std::set<net::Family> families{};  // unicast; a peer that names none at all has IPv4 alone
    bool route_refresh = false;
    bool enhanced_refresh = false;
    bool v4_over_v6 = false;  // IPv4 routes may have an IPv6 next hop
    std::optional<uint32_t> asn{};
    std::optional<GracefulRestart> graceful_restart{};

    bool operator==(const Capabilities&) const = default;
};

struct Open {
    uint32_t asn = 0;  // the whole one, where the capability tells it
    uint16_t hold_time = 0;
    uint32_t router_id = 0;  // in host order
    Capabilities capabilities{};

    bool operator==(const Open&) const = default;
};

Bytes write(const Open& open);

/// Of the message's body, at least the 10 bytes that the header's check asks for. Whether it fits the
/// configuration is agree()'s question (session.h).
Decoded<Open> read_open(std::span<const uint8_t> body);

}  // namespace weir::announce::bgp
