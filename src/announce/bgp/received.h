// An UPDATE as a peer sent it. weir imports nothing, so that it is only checked: enough to answer rightly
// what is wrong, and to count. RFC 4271 section 6.3 as RFC 7606 revises it, 4760, 5065, 6793, 7607, 8092,
// 8950. Pure.
#pragma once

#include "announce/bgp/notification.h"

namespace weir::announce::bgp {

/// What both ends have agreed on that changes how messages are written.
struct Dialect {
    bool external = true;       // the peer is of another AS
    bool four_byte_asn = true;  // RFC 6793
    bool v4_over_v6 = false;    // RFC 8950

    bool operator==(const Dialect&) const = default;
};

/// What RFC 7606 wants done where something is wrong with the attributes, the mildest first. What it wants a
/// session reset for is a Refusal.
enum class Treatment : uint8_t { accept, discard_attribute, treat_as_withdraw };

struct Received {
    size_t announced = 0;  // prefixes
    size_t withdrawn = 0;  // with those that are treated so
    std::optional<net::Family> end_of_rib{};
    Treatment treatment = Treatment::accept;
    std::string fault{};  // the first of the worst; "" where nothing is wrong

    bool operator==(const Received&) const = default;
};

/// Of the message's body, at least 4 bytes.
Decoded<Received> read_update(std::span<const uint8_t> body, const Dialect& dialect);

}  // namespace weir::announce::bgp
