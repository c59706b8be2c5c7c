// The VIPs as addresses of this host, so that the kernel hands their packets to who listens: a route of type
// `local` for each that is none already. Routes carry a protocol number of weir's own, by which a later
// daemon knows them: nothing else needs to be kept.
#pragma once

#include <set>

#include "base/result.h"
#include "net/ip.h"

namespace weir::engine::proxy {

/// Of routes that weir has made (rtm_protocol); 'w'. Below are the kernel's and those of well-known daemons.
inline constexpr uint8_t kRouteProtocol = 119;

/// Adds what is missing and removes weir's own that are not wanted any more. An address that is this host's
/// by somebody else's doing is left alone. Needs CAP_NET_ADMIN only where something is to change.
Status set_vip_routes(const std::set<net::Ip>& vips);

}  // namespace weir::engine::proxy
