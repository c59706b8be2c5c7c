#include "announce/bgp/agree.h"

#include <fmt/format.h>

#include <algorithm>

#include "net/writer.h"

namespace weir::announce::bgp {
namespace {

/// RFC 5492 section 5: the capability that is missed, as it would have to be.
Bytes wanted_families(const Terms& terms) {
    net::Writer out;
    for (auto family : terms.capabilities.families)
        out.u8(static_cast<uint8_t>(CapabilityCode::multiprotocol)).u8(4).u16(afi(family)).u8(0).u8(kUnicast);
    return out.take();
}

}  // namespace

Open offer(const Terms& terms) {
    Open open{.asn = terms.asn,
              .hold_time = static_cast<uint16_t>(terms.hold_time.count()),
              .router_id = terms.router_id,
              .capabilities = terms.capabilities};
    open.capabilities.asn = terms.asn;
    return open;
}

Decoded<Agreed> agree(const Terms& terms, const Open& theirs) {
    if (theirs.asn != terms.peer_asn)
        return refuse(ErrorCode::open, open_error::kPeerAs,
                      fmt::format("it says AS {}, the configuration says {}", theirs.asn, terms.peer_asn));
    const bool external = terms.asn != terms.peer_asn;
    if (!external && theirs.router_id == terms.router_id)
        return refuse(ErrorCode::open, open_error::kIdentifier,
                      "it has the BGP identifier that weir has; set another 'router_id:' on one of the two");
    const auto& has = theirs.capabilities;
    const auto& wants = terms.capabilities;
    Agreed agreed;
    std::ranges::set_intersection(wants.families, has.families,
                                  std::inserter(agreed.families, agreed.families.end()));
    if (agreed.families.empty())
        return refuse(ErrorCode::open, open_error::kCapability,
                      "it has neither IPv4 nor IPv6 unicast for this router; enable one of them there",
                      wanted_families(terms));
    agreed.dialect = {external, has.asn.has_value(), wants.v4_over_v6 && has.v4_over_v6};
    agreed.hold_time = std::min(terms.hold_time, std::chrono::seconds(theirs.hold_time));
    agreed.enhanced_refresh = wants.enhanced_refresh && has.enhanced_refresh;
    agreed.theirs = theirs;
    return agreed;
}

bool ours_stays(const Terms& terms, const Open& theirs) {
    if (terms.router_id != theirs.router_id) return terms.router_id > theirs.router_id;
    return terms.asn > theirs.asn;
}

}  // namespace weir::announce::bgp
