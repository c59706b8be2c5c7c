// Packets written down header by header, as the RFCs have them: what the tables of packets compare the
// datapath's frames with. Of its own on purpose: it shares nothing with the datapath, nor with net/packet.h.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "net/ip.h"

namespace weir::wire {

using Bytes = std::vector<uint8_t>;
using net::Ip;
using net::Mac;

inline constexpr uint8_t kIcmp = 1, kIpip = 4, kTcp = 6, kUdp = 17, kIpv6 = 41, kGre = 47, kIcmpv6 = 58;

Bytes operator+(Bytes front, std::span<const uint8_t> back);
Bytes u16(uint32_t value);
Bytes u32(uint32_t value);
uint16_t get16(std::span<const uint8_t> bytes, size_t at);
uint32_t get32(std::span<const uint8_t> bytes, size_t at);

/// 0, 1, 2, …
Bytes counting(size_t size);

/// `tag`: the whole tag control information of one 802.1Q tag.
Bytes frame(const Mac& destination, const Mac& source, std::optional<uint16_t> tag, const Bytes& packet);

/// Of IPv4 or IPv6, as the addresses say.
struct Header {
    Ip source, destination;
    uint8_t protocol = kTcp;
    uint8_t tos = 0;
    uint8_t hops = 64;
    uint16_t identification = 0;  // IPv4
    uint16_t fragment = 0x4000;   // IPv4: flags and offset
    Bytes options{};              // IPv4
    uint32_t label = 0;           // IPv6
};
Bytes packet(const Header& header, const Bytes& payload);

/// With right checksums over `ip`'s pseudo header.
Bytes tcp(const Header& ip, uint16_t source, uint16_t destination, uint8_t flags, const Bytes& payload);
Bytes udp(const Header& ip, uint16_t source, uint16_t destination, const Bytes& payload,
          bool checksum = true);
Bytes icmp(const Header& ip, uint8_t type, uint8_t code, uint32_t rest, const Bytes& payload);

/// IPv6's extension header of eight bytes.
Bytes fragment_header(uint8_t next, uint16_t offset_and_more, uint32_t identification);

/// RFC 1071, over `bytes` with a sum to begin with.
uint16_t checksum(std::span<const uint8_t> bytes, uint32_t sum = 0);

}  // namespace weir::wire
