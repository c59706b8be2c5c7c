// What two speakers make of each other's OPEN. RFC 4271 section 6.2, 5492, 6286 (identifiers), 6793 (ASNs).
// Pure.
#pragma once

#include <chrono>

#include "announce/bgp/open.h"
#include "announce/bgp/received.h"

namespace weir::announce::bgp {

/// What weir offers a peer, and wants of it.
struct Terms {
    uint32_t asn = 0;
    uint32_t peer_asn = 0;
    uint32_t router_id = 0;  // in host order
    std::chrono::seconds hold_time{9};
    Capabilities capabilities{};  // `asn` is filled in from above

    bool operator==(const Terms&) const = default;
};

struct Agreed {
    Dialect dialect{};
    std::set<net::Family> families{};
    std::chrono::seconds hold_time{0};  // 0: neither timer runs
    bool enhanced_refresh = false;
    Open theirs{};

    bool operator==(const Agreed&) const = default;
};

Open offer(const Terms& terms);

Decoded<Agreed> agree(const Terms& terms, const Open& theirs);

/// Of two connections between the same two speakers, whether the one that weir has opened stays: the higher
/// identifier's does (RFC 4271 section 6.8), and of equal ones the higher ASN's (RFC 6286).
bool ours_stays(const Terms& terms, const Open& theirs);

}  // namespace weir::announce::bgp
