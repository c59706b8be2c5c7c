// IPVS's generic netlink family as values: linux/ip_vs.h. Pure. Some of its attributes are in network order
// (ports, an IPv4 netmask), the others in the host's.
#pragma once

#include <linux/netlink.h>

#include <optional>
#include <utility>

#include "engine/ipvs/kernel.h"
#include "net/netlink.h"

namespace weir::engine::ipvs {

/// The question for the number that the kernel has given to the family, and the answer.
net::Message family_question();
std::optional<uint16_t> decode_family(const nlmsghdr& message);

/// Everything of one kind. `family` is that number.
net::Message services_question(uint16_t family);
net::Message destinations_question(uint16_t family, const ServiceKey& key);
net::Message daemons_question(uint16_t family);
net::Message timeouts_question(uint16_t family);

/// Nothing where the message is of another kind, or makes no sense.
std::optional<std::pair<ServiceKey, Service>> decode_service(const nlmsghdr& message);
std::optional<std::pair<net::Endpoint, FoundDestination>> decode_destination(const nlmsghdr& message);
std::optional<std::pair<Role, SyncDaemon>> decode_daemon(const nlmsghdr& message);
std::optional<Timeouts> decode_timeouts(const nlmsghdr& message);

/// Nothing of the changes that are not IPVS's (addresses).
std::optional<net::Message> encode(uint16_t family, const Change& change);

}  // namespace weir::engine::ipvs
