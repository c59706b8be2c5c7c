#include "lab/envelope.h"

#include <cstddef>

#include "net/checksum.h"

namespace weir::lab {
namespace {

using Bytes = std::vector<uint8_t>;
using View = std::span<const uint8_t>;

constexpr size_t kEthernet = 14;
constexpr uint16_t kEtherIpv4 = 0x0800;
constexpr uint16_t kEtherIpv6 = 0x86dd;
constexpr uint8_t kIpip = 4;
constexpr uint8_t kUdp = 17;
constexpr uint8_t kIpv6 = 41;
constexpr uint8_t kGre = 47;

void add16(Bytes& to, unsigned value) {
    to.push_back(static_cast<uint8_t>(value >> 8));
    to.push_back(static_cast<uint8_t>(value));
}
void add32(Bytes& to, uint32_t value) {
    add16(to, value >> 16);
    add16(to, value & 0xffff);
}
void add(Bytes& to, View bytes) {
    to.insert(to.end(), bytes.begin(), bytes.end());
}
void put16(Bytes& in, size_t at, uint16_t value) {
    in[at] = static_cast<uint8_t>(value >> 8);
    in[at + 1] = static_cast<uint8_t>(value);
}

bool is_v6(View packet) {
    return packet[0] >> 4 == 6;
}
uint8_t protocol_of(View packet) {
    return is_v6(packet) ? kIpv6 : kIpip;
}

Bytes gre(const Envelope& envelope, View inner) {
    Bytes out;
    add16(out, (envelope.gre_checksum ? 0x8000 : 0) | (envelope.gre_key ? 0x2000 : 0) |
                   (envelope.gre_sequence ? 0x1000 : 0));
    add16(out, is_v6(inner) ? kEtherIpv6 : kEtherIpv4);
    if (envelope.gre_checksum) add32(out, 0);
    if (envelope.gre_key) add32(out, *envelope.gre_key);
    if (envelope.gre_sequence) add32(out, *envelope.gre_sequence);
    add(out, inner);
    if (envelope.gre_checksum) put16(out, 4, net::Checksum().add(out).value());
    return out;
}

Bytes udp(const Envelope& envelope, View inner) {
    Bytes out;
    add16(out, envelope.source_port.value());
    add16(out, envelope.port.value());
    add32(out, 0);  // length and checksum
    if (envelope.wrapping == Wrapping::gue) {
        out.push_back(envelope.gue_words);
        out.push_back(protocol_of(inner));
        out.resize(out.size() + 2 + envelope.gue_words * size_t{4});
    }
    add(out, inner);
    put16(out, 4, static_cast<uint16_t>(out.size()));
    if (!envelope.udp_checksum) return out;
    const uint8_t tail[] = {0, kUdp, out[4], out[5]};
    net::Checksum sum;
    sum.add(envelope.source.bytes()).add(envelope.destination.bytes()).add(tail).add(out);
    put16(out, 6, sum.value() ? sum.value() : 0xffff);
    return out;
}

void add_ipv4(Bytes& to, const Envelope& envelope, uint8_t protocol, size_t size) {
    Bytes header = {0x45, envelope.tos};
    add16(header, static_cast<unsigned>(20 + size));
    add32(header, 0x4000);  // don't fragment
    add(header, Bytes{envelope.ttl, protocol, 0, 0});
    add(header, envelope.source.bytes());
    add(header, envelope.destination.bytes());
    put16(header, 10, net::Checksum().add(header).value());
    add(to, header);
}

void add_ipv6(Bytes& to, const Envelope& envelope, uint8_t protocol, size_t size) {
    add32(to, 6u << 28 | uint32_t{envelope.tos} << 20);
    add16(to, static_cast<unsigned>(size));
    add(to, Bytes{protocol, envelope.ttl});
    add(to, envelope.source.bytes());
    add(to, envelope.destination.bytes());
}

}  // namespace

Bytes wrap(const Envelope& envelope, View frame) {
    const View inner = frame.subspan(kEthernet);
    const bool v4 = envelope.source.is_v4();
    uint8_t protocol = kUdp;
    Bytes body;
    if (envelope.wrapping == Wrapping::ipip) {
        protocol = protocol_of(inner);
        add(body, inner);
    } else if (envelope.wrapping == Wrapping::gre) {
        protocol = kGre;
        body = gre(envelope, inner);
    } else {
        body = udp(envelope, inner);
    }
    Bytes out(frame.begin(), frame.begin() + kEthernet - 2);
    add16(out, v4 ? kEtherIpv4 : kEtherIpv6);
    (v4 ? add_ipv4 : add_ipv6)(out, envelope, protocol, body.size());
    add(out, body);
    return out;
}

}  // namespace weir::lab
