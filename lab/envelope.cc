#include "lab/envelope.h"

#include <cstddef>

#include "net/checksum.h"
#include "net/writer.h"

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

bool is_v6(View packet) {
    return packet[0] >> 4 == 6;
}
uint8_t protocol_of(View packet) {
    return is_v6(packet) ? kIpv6 : kIpip;
}

net::Writer gre(const Envelope& envelope, View inner) {
    net::Writer out;
    out.u16((envelope.gre_checksum ? 0x8000 : 0) | (envelope.gre_key ? 0x2000 : 0) |
            (envelope.gre_sequence ? 0x1000 : 0));
    out.u16(is_v6(inner) ? kEtherIpv6 : kEtherIpv4);
    if (envelope.gre_checksum) out.u32(0);
    if (envelope.gre_key) out.u32(*envelope.gre_key);
    if (envelope.gre_sequence) out.u32(*envelope.gre_sequence);
    out.bytes(inner);
    if (envelope.gre_checksum) out.put_u16(4, net::Checksum().add(out.from(0)).value());
    return out;
}

net::Writer udp(const Envelope& envelope, View inner) {
    net::Writer out;
    out.u16(envelope.source_port.value()).u16(envelope.port.value()).u32(0);  // length and checksum
    if (envelope.wrapping == Wrapping::gue)
        out.u8(envelope.gue_words).u8(protocol_of(inner)).zeros(2 + envelope.gue_words * size_t{4});
    out.bytes(inner);
    out.put_u16(4, static_cast<unsigned>(out.size()));
    if (!envelope.udp_checksum) return out;
    const uint8_t tail[] = {0, kUdp, out.from(4)[0], out.from(4)[1]};
    net::Checksum sum;
    sum.add(envelope.source.bytes()).add(envelope.destination.bytes()).add(tail).add(out.from(0));
    out.put_u16(6, sum.value() ? sum.value() : 0xffff);
    return out;
}

void add_ipv4(net::Writer& to, const Envelope& envelope, uint8_t protocol, size_t size) {
    const size_t start = to.size();
    to.u8(0x45).u8(envelope.tos).u16(static_cast<unsigned>(20 + size));
    to.u32(0x4000);  // don't fragment
    to.u8(envelope.ttl).u8(protocol).u16(0);
    to.bytes(envelope.source.bytes()).bytes(envelope.destination.bytes());
    to.put_u16(start + 10, net::Checksum().add(to.from(start)).value());
}

void add_ipv6(net::Writer& to, const Envelope& envelope, uint8_t protocol, size_t size) {
    to.u32(6u << 28 | uint32_t{envelope.tos} << 20).u16(static_cast<unsigned>(size));
    to.u8(protocol).u8(envelope.ttl);
    to.bytes(envelope.source.bytes()).bytes(envelope.destination.bytes());
}

}  // namespace

Bytes wrap(const Envelope& envelope, View frame) {
    const View inner = frame.subspan(kEthernet);
    const bool v4 = envelope.source.is_v4();
    uint8_t protocol = kUdp;
    net::Writer body;
    if (envelope.wrapping == Wrapping::ipip) {
        protocol = protocol_of(inner);
        body.bytes(inner);
    } else if (envelope.wrapping == Wrapping::gre) {
        protocol = kGre;
        body = gre(envelope, inner);
    } else {
        body = udp(envelope, inner);
    }
    net::Writer out;
    out.bytes(frame.first(kEthernet - 2)).u16(v4 ? kEtherIpv4 : kEtherIpv6);
    (v4 ? add_ipv4 : add_ipv6)(out, envelope, protocol, body.size());
    return out.bytes(body.from(0)).take();
}

}  // namespace weir::lab
