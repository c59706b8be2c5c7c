#include "tests/packet/ways.h"

#include <algorithm>

namespace weir::engine::xdp {
namespace {

using model::ForwardKind;
using net::Family;
using wire::get16;
using wire::get32;
using wire::u16;
using wire::u32;
using wire::operator+;

constexpr uint16_t kPort = 5999;  // of FOU and GUE
const net::Prefix kSource4 = *net::Prefix::parse("10.64.7.0/24");
const net::Prefix kSource6 = *net::Prefix::parse("2001:db8:64::/64");

/// The address of the prefix with these last bits.
Ip within(const net::Prefix& prefix, uint32_t last) {
    std::array<uint8_t, 16> bytes{};
    std::ranges::copy(prefix.address.bytes(), bytes.begin());
    if (prefix.address.is_v4()) return Ip::v4({bytes[0], bytes[1], bytes[2], static_cast<uint8_t>(last)});
    for (size_t i = 0; i < 4; i++) bytes[12 + i] = static_cast<uint8_t>(last >> (24 - 8 * i));
    return Ip::v6(bytes);
}

}  // namespace

size_t Way::growth() const {
    size_t ip = backend == Family::v4 ? 20 : 40;
    switch (kind) {
        case ForwardKind::ipip:
            return ip;
        case ForwardKind::gre:
            return ip + 4;
        case ForwardKind::fou:
            return ip + 8;
        case ForwardKind::gue:
            return ip + 12;
        default:
            return 0;
    }
}

std::string Way::text() const {
    auto digit = [](Family family) { return family == Family::v4 ? "v4" : "v6"; };
    return fmt::format("{} {} in {}", model::to_text(kind), digit(vip), digit(backend));
}

std::vector<Way> all_ways() {
    std::vector<Way> ways;
    for (auto kind : {ForwardKind::dsr, ForwardKind::ipip, ForwardKind::gre, ForwardKind::fou,
                      ForwardKind::gue, ForwardKind::dscp})
        for (auto vip : {Family::v4, Family::v6})
            for (auto backend : {Family::v4, Family::v6})
                if (kind != ForwardKind::dscp || vip == backend) ways.push_back({kind, vip, backend});
    return ways;
}

void WaysTest::use(const Way& way, int backends, std::optional<uint16_t> vlan, uint32_t mtu) {
    way_ = way;
    vlan_ = vlan;
    plan_.frontends.clear();
    for (auto [port, protocol] : {std::pair{80, model::Protocol::tcp}, {53, model::Protocol::udp}}) {
        auto one = frontend(vip().text(), static_cast<uint16_t>(port), protocol, 0);
        one.forward.kind = way.kind;
        if (way.kind == ForwardKind::fou || way.kind == ForwardKind::gue) one.forward.port = net::Port(kPort);
        if (way.kind == ForwardKind::dscp) one.forward.dscp = kDscp;
        if (way.is_tunnel()) one.forward.sources = {kSource4, kSource6};
        for (int i = 1; i <= backends; i++)
            one.targets.push_back({{address_of(i, way.backend)}, {true, ""}, Accepts::all});
        plan_.frontends.push_back(std::move(one));
    }
    hops_.clear();
    for (int i = 1; i <= backends; i++)
        hops_.emplace(address_of(i, way.backend),
                      Hop{.mac = mac_of(i), .source_mac = kBalancer, .vlan = vlan, .mtu = mtu});
    apply();
}

Ip WaysTest::vip() const {
    return *Ip::parse(way_.vip == Family::v4 ? "192.0.2.1" : "2001:db8::1");
}
Ip WaysTest::client() const {
    return *Ip::parse(way_.vip == Family::v4 ? "198.51.100.7" : "2001:db8:9::7");
}

wire::Header WaysTest::from_client(uint8_t protocol, uint8_t tos, uint8_t hops) const {
    return {.source = client(),
            .destination = vip(),
            .protocol = protocol,
            .tos = tos,
            .hops = hops,
            .identification = 0x1234,
            .label = 0x12345};
}

wire::Header WaysTest::changed(wire::Header header, int backend) const {
    header.hops--;
    if (way_.kind != ForwardKind::dscp) return header;
    header.destination = address_of(backend, way_.backend);
    header.tos = static_cast<uint8_t>(kDscp << 2 | (header.tos & 3));
    return header;
}

Bytes WaysTest::delivered(const Bytes& packet, const Bytes& actual, int backend, Varied* varied) const {
    if (!way_.is_tunnel()) return wire::frame(mac_of(backend), kBalancer, vlan_, packet);
    const bool v4 = way_.backend == Family::v4;
    const size_t at = vlan_ ? 18 : 14;
    if (actual.size() < at + way_.growth()) return {};
    Varied found;
    found.source = v4 ? actual[at + 15] : get32(actual, at + 8 + 12);
    wire::Header outer{.source = within(v4 ? kSource4 : kSource6, found.source),
                       .destination = address_of(backend, way_.backend),
                       .tos = packet[0] >> 4 == 4 ? packet[1] : static_cast<uint8_t>(get16(packet, 0) >> 4)};
    if (!v4) outer.label = found.flow = get32(actual, at) & 0xfffff;
    Bytes shim;
    const uint8_t carried = packet[0] >> 4 == 4 ? wire::kIpip : wire::kIpv6;
    outer.protocol = carried;
    if (way_.kind == ForwardKind::gre) {
        outer.protocol = wire::kGre;
        shim = u16(0) + u16(carried == wire::kIpip ? 0x0800 : 0x86dd);
    } else if (way_.kind != ForwardKind::ipip) {
        outer.protocol = wire::kUdp;
        Bytes gue;  // version 0, no control, no optional fields
        if (way_.kind == ForwardKind::gue) gue = Bytes{0, carried} + u16(0);
        auto port = get16(actual, at + (v4 ? 20 : 40));
        EXPECT_GE(port, 0xc000) << "an ephemeral port: RFC 7510";
        found.flow = port;
        shim = u16(port) + u16(kPort) + u16(static_cast<uint32_t>(8 + gue.size() + packet.size())) + u16(0) +
               gue;
    }
    if (varied) *varied = found;
    return wire::frame(mac_of(backend), kBalancer, vlan_, wire::packet(outer, shim + packet));
}

}  // namespace weir::engine::xdp
