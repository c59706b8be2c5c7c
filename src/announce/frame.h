// The frames by which a host says, without having been asked, that an address is at its MAC. RFC 5227 section
// 2.3 (an ARP request with the address as sender and target), RFC 4861 section 7.2.6 (a neighbour
// advertisement to all nodes, which overrides what they know). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "net/ip.h"

namespace weir::announce {

/// Without FCS and padding. `vlan`: the id of one 802.1Q tag.
std::vector<uint8_t> announcement(const net::Ip& vip, const net::Mac& mac, std::optional<uint16_t> vlan);

}  // namespace weir::announce
