// Ethernet frames with an IPv4 or IPv6 packet: made from a description, and (of TCP and UDP) read back. Pure.
// For tests, benches and dry runs of the datapath; the datapath itself parses in bpf/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "net/ip.h"

namespace weir::net {

inline constexpr uint8_t kTcp = 6;  // protocol numbers
inline constexpr uint8_t kUdp = 17;
inline constexpr uint8_t kIcmp = 1;
inline constexpr uint8_t kIcmpV6 = 58;

inline constexpr uint8_t kTcpFin = 0x01;
inline constexpr uint8_t kTcpSyn = 0x02;
inline constexpr uint8_t kTcpRst = 0x04;
inline constexpr uint8_t kTcpPush = 0x08;
inline constexpr uint8_t kTcpAck = 0x10;

/// Source and destination are of one family. The packet is at most 65,535 bytes long.
struct PacketSpec {
    Mac source_mac;
    Mac destination_mac;
    std::optional<uint16_t> vlan{};  // the id of one 802.1Q tag
    Endpoint source;
    Endpoint destination;
    /// ICMP of the family: an echo request whose identifier is the source port. What is not known here: eight
    /// bytes, which begin with the ports, where protocols have them that have any.
    uint8_t protocol = kTcp;
    uint8_t ttl = 64;                   // IPv6: hop limit
    std::vector<uint8_t> ip_options{};  // IPv4 only; a multiple of 4, at most 40 bytes
    uint8_t tcp_flags = kTcpSyn;
    uint32_t sequence = 1;
    uint32_t acknowledgement = 0;
    size_t payload = 0;  // bytes 0, 1, 2, …
};

/// The frame, without FCS and padding. All lengths and checksums are right.
std::vector<uint8_t> build_frame(const PacketSpec& spec);

struct ParsedFrame {
    Mac source_mac;
    Mac destination_mac;
    std::optional<uint16_t> vlan;
    Endpoint source;
    Endpoint destination;
    uint8_t protocol = 0;
    uint8_t ttl = 0;
    uint8_t tcp_flags = 0;  // of UDP: 0
    uint32_t sequence = 0;
    uint32_t acknowledgement = 0;
    std::span<const uint8_t> payload;  // borrowed from the frame
    bool checksums_right = false;      // not so for local sockets' frames on a veth with checksum offload
};

/// At most one tag; IPv4 with options, unfragmented; IPv6 without extension headers. Padding behind the
/// packet is ignored; a frame that ends before its packet does is an error.
Result<ParsedFrame> parse_frame(std::span<const uint8_t> frame);

}  // namespace weir::net
