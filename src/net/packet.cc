#include "net/packet.h"

#include <algorithm>
#include <cassert>

#include "net/checksum.h"
#include "net/writer.h"

namespace weir::net {
namespace {

constexpr uint16_t kEtherIpv4 = 0x0800;
constexpr uint16_t kEtherIpv6 = 0x86dd;
constexpr uint16_t kEtherVlan = 0x8100;
constexpr size_t kIpv4Header = 20;
constexpr size_t kTcpHeader = 20;
constexpr size_t kUdpHeader = 8;
constexpr size_t kOtherHeader = 8;  // of UDP, ICMP, and what stands for the rest
constexpr unsigned kEchoRequest = 8, kEchoRequestV6 = 128;
constexpr uint16_t kDoNotFragment = 0x4000;
constexpr uint16_t kFragment = 0x3fff;  // more fragments, or an offset
constexpr uint16_t kWindow = 65535;

using Bytes = std::span<const uint8_t>;

/// The sum over what RFC 9293 and RFC 8200 put in front of a TCP or UDP packet.
Checksum pseudo_header(const Ip& source, const Ip& destination, uint8_t protocol, size_t size) {
    const uint8_t tail[] = {0, protocol, static_cast<uint8_t>(size >> 8), static_cast<uint8_t>(size)};
    return Checksum().add(source.bytes()).add(destination.bytes()).add(tail);
}

// ---- building

void write_ethernet(Writer& out, const PacketSpec& spec) {
    out.bytes(spec.destination_mac.bytes);
    out.bytes(spec.source_mac.bytes);
    if (spec.vlan) {
        assert(*spec.vlan < 4096);
        out.u16(kEtherVlan);
        out.u16(*spec.vlan);
    }
    out.u16(spec.source.address.is_v4() ? kEtherIpv4 : kEtherIpv6);
}

void write_ipv4(Writer& out, const PacketSpec& spec, size_t transport_size) {
    assert(spec.ip_options.size() % 4 == 0 && spec.ip_options.size() <= 40);
    const size_t header = kIpv4Header + spec.ip_options.size();
    assert(header + transport_size <= 0xffff);
    const size_t start = out.size();
    out.u8(0x40 | static_cast<unsigned>(header / 4));
    out.u8(0);  // DSCP, ECN
    out.u16(static_cast<unsigned>(header + transport_size));
    out.u16(0);  // identification
    out.u16(kDoNotFragment);
    out.u8(spec.ttl);
    out.u8(spec.protocol);
    out.u16(0);  // checksum, below
    out.bytes(spec.source.address.bytes());
    out.bytes(spec.destination.address.bytes());
    out.bytes(spec.ip_options);
    out.put_u16(start + 10, Checksum().add(out.from(start)).value());
}

void write_ipv6(Writer& out, const PacketSpec& spec, size_t transport_size) {
    assert(spec.ip_options.empty() && transport_size <= 0xffff);
    out.u32(0x6000'0000);  // no traffic class, no flow label
    out.u16(static_cast<unsigned>(transport_size));
    out.u8(spec.protocol);
    out.u8(spec.ttl);
    out.bytes(spec.source.address.bytes());
    out.bytes(spec.destination.address.bytes());
}

void write_tcp(Writer& out, const PacketSpec& spec) {
    out.u16(spec.source.port.value());
    out.u16(spec.destination.port.value());
    out.u32(spec.sequence);
    out.u32(spec.acknowledgement);
    out.u8(kTcpHeader / 4 << 4);
    out.u8(spec.tcp_flags);
    out.u16(kWindow);
    out.u16(0);  // checksum
    out.u16(0);  // urgent pointer
}

void write_udp(Writer& out, const PacketSpec& spec) {
    out.u16(spec.source.port.value());
    out.u16(spec.destination.port.value());
    out.u16(static_cast<unsigned>(kUdpHeader + spec.payload));
    out.u16(0);  // checksum
}

bool is_echo(const PacketSpec& spec) {
    return spec.protocol == (spec.source.address.is_v4() ? kIcmp : kIcmpV6);
}

void write_echo(Writer& out, const PacketSpec& spec) {
    out.u8(spec.source.address.is_v4() ? kEchoRequest : kEchoRequestV6);
    out.u8(0);
    out.u16(0);  // checksum
    out.u16(spec.source.port.value());
    out.u16(1);  // sequence number
}

void write_ports(Writer& out, const PacketSpec& spec) {
    out.u16(spec.source.port.value());
    out.u16(spec.destination.port.value());
    out.u32(0);
}

/// `start`: where the transport header begins.
void write_checksum(Writer& out, const PacketSpec& spec, size_t start) {
    const auto transport = out.from(start);
    const bool alone = spec.protocol == kIcmp;
    uint16_t sum = (alone ? Checksum()
                          : pseudo_header(spec.source.address, spec.destination.address, spec.protocol,
                                          transport.size()))
                       .add(transport)
                       .value();
    if (spec.protocol == kUdp && sum == 0) sum = 0xffff;  // 0 says that there is no checksum
    out.put_u16(start + (spec.protocol == kTcp ? 16 : spec.protocol == kUdp ? 6 : 2), sum);
}

// ---- reading

/// What is left of the frame; each step takes from its front.
class Cursor {
  public:
    explicit Cursor(Bytes bytes) : left_(bytes) {}

    bool has(size_t count) const { return left_.size() >= count; }
    void keep(size_t count) { left_ = left_.first(count); }
    Bytes left() const { return left_; }
    Bytes take(size_t count) {
        auto taken = left_.first(count);
        left_ = left_.subspan(count);
        return taken;
    }

  private:
    Bytes left_;
};

uint16_t u16(Bytes bytes, size_t at) {
    return static_cast<uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}
uint32_t u32(Bytes bytes, size_t at) {
    return uint32_t{u16(bytes, at)} << 16 | u16(bytes, at + 2);
}

template <size_t Size>
std::array<uint8_t, Size> copy(Bytes bytes, size_t at) {
    std::array<uint8_t, Size> out;
    std::ranges::copy(bytes.subspan(at, Size), out.begin());
    return out;
}

/// The type of what follows.
Result<uint16_t> read_ethernet(Cursor& cursor, ParsedFrame& out) {
    if (!cursor.has(14)) return fail("the frame ends in its Ethernet header");
    auto header = cursor.take(14);
    out.destination_mac.bytes = copy<6>(header, 0);
    out.source_mac.bytes = copy<6>(header, 6);
    if (u16(header, 12) != kEtherVlan) return u16(header, 12);
    if (!cursor.has(4)) return fail("the frame ends in its VLAN tag");
    auto tag = cursor.take(4);
    out.vlan = u16(tag, 0) & 0xfff;
    return u16(tag, 2);
}

Status read_ipv4(Cursor& cursor, ParsedFrame& out) {
    if (!cursor.has(kIpv4Header)) return fail("the frame ends in its IPv4 header");
    const size_t header_size = (cursor.left()[0] & 0xf) * size_t{4};
    if (cursor.left()[0] >> 4 != 4) return fail("the IPv4 header has version {}", cursor.left()[0] >> 4);
    const size_t total = u16(cursor.left(), 2);
    if (header_size < kIpv4Header || total < header_size)
        return fail("the IPv4 header says {} bytes of header in {} of packet", header_size, total);
    if (!cursor.has(total)) return fail("the frame ends before its IPv4 packet of {} bytes", total);
    cursor.keep(total);
    auto header = cursor.take(header_size);
    if (u16(header, 6) & kFragment) return fail("the packet is a fragment");
    out.ttl = header[8];
    out.protocol = header[9];
    out.checksums_right = Checksum().add(header).value() == 0;
    out.source.address = Ip::v4(copy<4>(header, 12));
    out.destination.address = Ip::v4(copy<4>(header, 16));
    return {};
}

Status read_ipv6(Cursor& cursor, ParsedFrame& out) {
    if (!cursor.has(40)) return fail("the frame ends in its IPv6 header");
    auto header = cursor.take(40);
    if (header[0] >> 4 != 6) return fail("the IPv6 header has version {}", header[0] >> 4);
    const size_t size = u16(header, 4);
    if (!cursor.has(size)) return fail("the frame ends before its IPv6 payload of {} bytes", size);
    cursor.keep(size);
    out.protocol = header[6];
    out.ttl = header[7];
    out.checksums_right = true;  // there is none
    out.source.address = Ip::v6(copy<16>(header, 8));
    out.destination.address = Ip::v6(copy<16>(header, 24));
    return {};
}

Status read_tcp(Cursor& cursor, ParsedFrame& out) {
    if (!cursor.has(kTcpHeader)) return fail("the packet ends in its TCP header");
    const size_t header_size = (cursor.left()[12] >> 4) * size_t{4};
    if (header_size < kTcpHeader || !cursor.has(header_size))
        return fail("the TCP header says {} bytes of {}", header_size, cursor.left().size());
    auto header = cursor.take(header_size);
    out.sequence = u32(header, 4);
    out.acknowledgement = u32(header, 8);
    out.tcp_flags = header[13];
    return {};
}

Status read_udp(Cursor& cursor) {
    if (!cursor.has(kUdpHeader)) return fail("the packet ends in its UDP header");
    const size_t size = u16(cursor.left(), 4);
    if (size < kUdpHeader || !cursor.has(size))
        return fail("the UDP header says {} bytes of {}", size, cursor.left().size());
    cursor.keep(size);
    cursor.take(kUdpHeader);
    return {};
}

}  // namespace

std::vector<uint8_t> build_frame(const PacketSpec& spec) {
    assert(spec.source.address.family() == spec.destination.address.family());
    const bool tcp = spec.protocol == kTcp, udp = spec.protocol == kUdp;
    const size_t transport_size = (tcp ? kTcpHeader : kOtherHeader) + spec.payload;
    Writer out;
    write_ethernet(out, spec);
    if (spec.source.address.is_v4())
        write_ipv4(out, spec, transport_size);
    else
        write_ipv6(out, spec, transport_size);
    const size_t start = out.size();
    if (tcp)
        write_tcp(out, spec);
    else if (udp)
        write_udp(out, spec);
    else if (is_echo(spec))
        write_echo(out, spec);
    else
        write_ports(out, spec);
    for (size_t i = 0; i < spec.payload; i++) out.u8(static_cast<unsigned>(i));
    if (tcp || udp || is_echo(spec)) write_checksum(out, spec, start);
    return out.take();
}

Result<ParsedFrame> parse_frame(std::span<const uint8_t> frame) {
    ParsedFrame out;
    Cursor cursor(frame);
    auto type = read_ethernet(cursor, out);
    if (!type) return propagate(type);
    if (*type != kEtherIpv4 && *type != kEtherIpv6) return fail("EtherType {:#06x} is not IP", *type);
    auto network = *type == kEtherIpv4 ? read_ipv4(cursor, out) : read_ipv6(cursor, out);
    if (!network) return propagate(network);
    if (out.protocol != kTcp && out.protocol != kUdp)
        return fail("IP protocol {} has no ports", out.protocol);
    auto transport = cursor.left();
    auto read = out.protocol == kTcp ? read_tcp(cursor, out) : read_udp(cursor);
    if (!read) return propagate(read);
    out.source.port = Port(u16(transport, 0));
    out.destination.port = Port(u16(transport, 2));
    out.payload = cursor.left();
    if (out.protocol == kUdp) transport = transport.first(kUdpHeader + out.payload.size());
    const bool no_checksum =
        out.protocol == kUdp && out.source.address.is_v4() && u16(transport, 6) == 0;  // RFC 768
    auto sum = pseudo_header(out.source.address, out.destination.address, out.protocol, transport.size())
                   .add(transport)
                   .value();
    out.checksums_right = out.checksums_right && (no_checksum || sum == 0);
    return out;
}

}  // namespace weir::net
