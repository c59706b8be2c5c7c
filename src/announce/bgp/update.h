// UPDATE messages as weir sends them: as many prefixes of the same attributes in one message as fit. RFC 4271
// section 4.3, 4760 (IPv6), 8950 (IPv4 with an IPv6 next hop), 6793 (to a peer whose ASNs have two bytes),
// 7606 section 5.1 (the reachability attribute comes first), 4724 section 2 (End-of-RIB). Pure.
#pragma once

#include "announce/bgp/received.h"
#include "model/bgp.h"

namespace weir::announce::bgp {

struct Attributes {
    net::Ip next_hop{};
    std::vector<uint32_t> as_path{};  // one sequence; ORIGIN is always IGP
    std::optional<uint32_t> med{};
    std::optional<uint32_t> local_pref{};
    std::vector<uint32_t> communities{};
    std::vector<model::LargeCommunity> large_communities{};

    auto operator<=>(const Attributes&) const = default;
};

/// The prefixes are of one family. That of the next hop may be IPv6 where they are IPv4 ones, not the other
/// way.
std::vector<Bytes> announcements(std::span<const net::Prefix> prefixes, const Attributes& attributes,
                                 const Dialect& dialect);

/// Of one family as well.
std::vector<Bytes> withdrawals(std::span<const net::Prefix> prefixes);

Bytes end_of_rib(net::Family family);

}  // namespace weir::announce::bgp
