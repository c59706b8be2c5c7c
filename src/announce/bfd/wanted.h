// Which BFD sessions the configuration asks for. Pure.
#pragma once

#include <vector>

#include "announce/bfd/session.h"
#include "model/bgp.h"

namespace weir::announce::bfd {

struct Wanted {
    net::Ip peer;
    std::optional<net::Ip> source{};  // of the peer's family; default: what the route to it says
    bool multihop = false;            // RFC 5883, else RFC 5881
    uint8_t least_ttl = 255;          // that the peer's packets must still have
    Timers timers{};

    bool operator==(const Wanted&) const = default;
};

/// One for each peer that has `bfd`. As with BIRD, those of another AS are neighbours unless they are said to
/// be further away, and those of the own AS are not.
std::vector<Wanted> wanted(const model::Bgp& bgp);

/// Whether a session of the one goes on as one of the other: only the timers differ.
bool same_path(const Wanted& a, const Wanted& b);

}  // namespace weir::announce::bfd
