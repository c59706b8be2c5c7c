#include "tests/packet/wire.h"

#include <numeric>

namespace weir::wire {
namespace {

uint32_t add_up(std::span<const uint8_t> bytes, uint32_t sum) {
    for (size_t i = 0; i < bytes.size(); i++) sum += i % 2 ? bytes[i] : bytes[i] * 256u;
    return sum;
}

/// Puts the checksum over payload and pseudo header in its place.
Bytes with_checksum(const Header& ip, Bytes payload, size_t place, uint8_t protocol) {
    uint32_t sum = add_up(ip.source.bytes(), 0);
    sum = add_up(ip.destination.bytes(), sum) + protocol + static_cast<uint32_t>(payload.size());
    auto value = checksum(payload, sum);
    if (protocol == kUdp && value == 0) value = 0xffff;
    payload[place] = static_cast<uint8_t>(value >> 8);
    payload[place + 1] = static_cast<uint8_t>(value);
    return payload;
}

}  // namespace

Bytes operator+(Bytes front, std::span<const uint8_t> back) {
    front.insert(front.end(), back.begin(), back.end());
    return front;
}

Bytes u16(uint32_t value) {
    return {static_cast<uint8_t>(value >> 8), static_cast<uint8_t>(value)};
}
Bytes u32(uint32_t value) {
    return u16(value >> 16) + u16(value & 0xffff);
}
uint16_t get16(std::span<const uint8_t> bytes, size_t at) {
    return static_cast<uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}
uint32_t get32(std::span<const uint8_t> bytes, size_t at) {
    return uint32_t{get16(bytes, at)} << 16 | get16(bytes, at + 2);
}

Bytes counting(size_t size) {
    Bytes bytes(size);
    std::iota(bytes.begin(), bytes.end(), uint8_t{0});
    return bytes;
}

Bytes frame(const Mac& destination, const Mac& source, std::optional<uint16_t> tag, const Bytes& packet) {
    Bytes out = Bytes{} + destination.bytes + source.bytes;
    if (tag) out = out + u16(0x8100) + u16(*tag);
    return out + u16(packet[0] >> 4 == 4 ? 0x0800 : 0x86dd) + packet;
}

Bytes packet(const Header& header, const Bytes& payload) {
    if (!header.source.is_v4())
        return u32(6u << 28 | uint32_t{header.tos} << 20 | header.label) +
               u16(static_cast<uint32_t>(payload.size())) + Bytes{header.protocol, header.hops} +
               header.source.bytes() + header.destination.bytes() + payload;
    auto size = static_cast<uint32_t>(20 + header.options.size());
    Bytes front = Bytes{static_cast<uint8_t>(4u << 4 | size / 4), header.tos} +
                  u16(size + static_cast<uint32_t>(payload.size())) + u16(header.identification) +
                  u16(header.fragment);
    Bytes addresses = Bytes{} + header.source.bytes() + header.destination.bytes() + header.options;
    front = front + Bytes{header.hops, header.protocol};
    return front + u16(checksum(front + addresses)) + addresses + payload;
}

Bytes tcp(const Header& ip, uint16_t source, uint16_t destination, uint8_t flags, const Bytes& payload) {
    Bytes out = u16(source) + u16(destination) + u32(1000) + u32(2000) + Bytes{0x50, flags} + u16(8192) +
                u16(0) + u16(0) + payload;
    return with_checksum(ip, std::move(out), 16, kTcp);
}

Bytes udp(const Header& ip, uint16_t source, uint16_t destination, const Bytes& payload, bool checksum) {
    Bytes out =
        u16(source) + u16(destination) + u16(static_cast<uint32_t>(8 + payload.size())) + u16(0) + payload;
    return checksum ? with_checksum(ip, std::move(out), 6, kUdp) : out;
}

Bytes icmp(const Header& ip, uint8_t type, uint8_t code, uint32_t rest, const Bytes& payload) {
    Bytes out = Bytes{type, code} + u16(0) + u32(rest) + payload;
    if (!ip.source.is_v4()) return with_checksum(ip, std::move(out), 2, kIcmpv6);
    return Bytes{type, code} + u16(checksum(out)) + u32(rest) + payload;
}

Bytes fragment_header(uint8_t next, uint16_t offset_and_more, uint32_t identification) {
    return Bytes{next, 0} + u16(offset_and_more) + u32(identification);
}

uint16_t checksum(std::span<const uint8_t> bytes, uint32_t sum) {
    sum = add_up(bytes, sum);
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<uint16_t>(~sum);
}

}  // namespace weir::wire
