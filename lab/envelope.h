// Encapsulated packets made by hand, to show that a tunnel's far end (lab/decap.h, or a kernel's own device)
// takes them. Written from the RFCs and apart from weir's datapath, so that neither confirms the other's
// mistakes. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "net/ip.h"

namespace weir::lab {

enum class Wrapping { ipip, gre, fou, gue, gue_direct };  // gue: variant 0; gue_direct: variant 1

struct Envelope {
    Wrapping wrapping = Wrapping::ipip;
    net::Ip source;  // outer; both of one family
    net::Ip destination;
    net::Port source_port{40000};  // FOU and GUE
    net::Port port{5555};
    bool udp_checksum = true;
    std::optional<uint32_t> gre_key = {};
    std::optional<uint32_t> gre_sequence = {};
    bool gre_checksum = false;
    uint8_t gue_words = 0;  // of optional fields, zeros
    uint8_t tos = 0;
    uint8_t ttl = 64;
};

/// The packet of a frame (net::build_frame) in its envelope, with the frame's own Ethernet addresses.
std::vector<uint8_t> wrap(const Envelope& envelope, std::span<const uint8_t> frame);

}  // namespace weir::lab
