#include "announce/bgp/open.h"

#include <fmt/format.h>

#include "announce/bgp/message.h"
#include "net/reader.h"
#include "net/writer.h"

namespace weir::announce::bgp {
namespace {

constexpr uint8_t kVersion = 4;
constexpr uint8_t kCapabilitiesParameter = 2;
constexpr uint8_t kExtended = 255;  // RFC 9072: lengths have two bytes each
constexpr uint16_t kRestarting = 0x8000, kMostRestartTime = 0x0fff;
constexpr uint8_t kForwarding = 0x80;

void put(net::Writer& out, CapabilityCode code, std::span<const uint8_t> value) {
    out.u8(static_cast<uint8_t>(code)).u8(static_cast<unsigned>(value.size())).bytes(value);
}

Bytes value_of(const GracefulRestart& restart) {
    net::Writer value;
    value.u16((restart.restarting ? kRestarting : 0) | std::min(restart.seconds, kMostRestartTime));
    for (auto [family, forwarding] : restart.forwarding)
        value.u16(afi(family)).u8(kUnicast).u8(forwarding ? kForwarding : 0);
    return value.take();
}

Bytes write(const Capabilities& capabilities) {
    net::Writer out;
    for (auto family : capabilities.families)
        put(out, CapabilityCode::multiprotocol, net::Writer().u16(afi(family)).u8(0).u8(kUnicast).take());
    if (capabilities.route_refresh) put(out, CapabilityCode::route_refresh, {});
    if (capabilities.v4_over_v6)
        put(out, CapabilityCode::extended_next_hop,
            net::Writer().u16(afi(net::Family::v4)).u16(kUnicast).u16(afi(net::Family::v6)).take());
    if (capabilities.graceful_restart)
        put(out, CapabilityCode::graceful_restart, value_of(*capabilities.graceful_restart));
    if (capabilities.asn)
        put(out, CapabilityCode::four_byte_asn, net::Writer().u32(*capabilities.asn).take());
    if (capabilities.enhanced_refresh) put(out, CapabilityCode::enhanced_refresh, {});
    return out.take();
}

std::unexpected<Refusal> malformed(std::string why) {
    return refuse(ErrorCode::open, open_error::kUnspecific, std::move(why));
}

bool read_graceful_restart(net::Reader value, Capabilities& capabilities) {
    auto first = value.u16();
    GracefulRestart restart;
    restart.restarting = first & kRestarting;
    restart.seconds = first & kMostRestartTime;
    while (value.left() > 0) {
        auto number = value.u16();
        auto family = family_of(number, value.u8());
        auto flags = value.u8();
        if (family) restart.forwarding[*family] = flags & kForwarding;
    }
    capabilities.graceful_restart = restart;
    return !value.failed();
}

bool read_extended_next_hop(net::Reader value, Capabilities& capabilities) {
    while (value.left() > 0) {
        auto route_afi = value.u16(), safi = value.u16(), next_hop_afi = value.u16();
        if (route_afi == afi(net::Family::v4) && safi == kUnicast && next_hop_afi == afi(net::Family::v6))
            capabilities.v4_over_v6 = !value.failed();
    }
    return !value.failed();
}

/// Whether the value has the form that its code asks for.
bool read_capability(CapabilityCode code, net::Reader value, Capabilities& capabilities) {
    switch (code) {
        case CapabilityCode::multiprotocol: {
            auto number = value.u16();
            value.u8();
            if (auto family = family_of(number, value.u8())) capabilities.families.insert(*family);
            return !value.failed() && value.left() == 0;
        }
        case CapabilityCode::route_refresh:
            capabilities.route_refresh = true;
            return value.left() == 0;
        case CapabilityCode::enhanced_refresh:
            capabilities.enhanced_refresh = true;
            return value.left() == 0;
        case CapabilityCode::four_byte_asn:
            capabilities.asn = value.u32();
            return !value.failed() && value.left() == 0;
        case CapabilityCode::extended_next_hop:
            return read_extended_next_hop(value, capabilities);
        case CapabilityCode::graceful_restart:
            return read_graceful_restart(value, capabilities);
    }
    return true;
}

/// `speaks_mp`: the peer names families, maybe none of ours.
Decoded<void> read_capabilities(net::Reader cursor, Capabilities& capabilities, bool& speaks_mp) {
    while (cursor.left() > 0) {
        auto code = static_cast<CapabilityCode>(cursor.u8());
        auto value = cursor.take(cursor.u8());
        if (cursor.failed()) return malformed("a capability is longer than its parameter");
        speaks_mp = speaks_mp || code == CapabilityCode::multiprotocol;
        if (!read_capability(code, net::Reader(value), capabilities))
            return malformed(fmt::format("capability {} has {} bytes of value, which is not its form",
                                         static_cast<int>(code), value.size()));
    }
    return {};
}

Decoded<void> read_parameters(net::Reader cursor, Capabilities& capabilities) {
    size_t length = cursor.u8();
    // RFC 9072: a first parameter of type 255 stands for "extended", whatever the old length says.
    auto peek = cursor;
    bool extended = length != 0 && peek.u8() == kExtended && !peek.failed();
    if (extended) {
        cursor.u8();
        length = cursor.u16();
    }
    if (cursor.failed() || cursor.left() != length)
        return malformed(fmt::format("the optional parameters have {} bytes, their length says {}",
                                     cursor.left(), length));
    bool speaks_mp = false;
    while (cursor.left() > 0) {
        auto type = cursor.u8();
        auto value = cursor.take(extended ? cursor.u16() : cursor.u8());
        if (cursor.failed()) return malformed("an optional parameter is longer than the message");
        if (type != kCapabilitiesParameter)
            return refuse(ErrorCode::open, open_error::kParameter,
                          fmt::format("it has an optional parameter of the unknown type {}", type));
        if (auto done = read_capabilities(net::Reader(value), capabilities, speaks_mp); !done) return done;
    }
    if (!speaks_mp) capabilities.families.insert(net::Family::v4);
    return {};
}

}  // namespace

Bytes write(const Open& open) {
    auto capabilities = write(open.capabilities);
    net::Writer body;
    body.u8(kVersion).u16(open.asn > kMostTwoByteAsn ? kAsTrans : open.asn);
    body.u16(open.hold_time).u32(open.router_id);
    body.u8(static_cast<unsigned>(capabilities.size() + 2));
    body.u8(kCapabilitiesParameter).u8(static_cast<unsigned>(capabilities.size())).bytes(capabilities);
    return framed(Type::open, body.take());
}

Decoded<Open> read_open(std::span<const uint8_t> body) {
    net::Reader cursor(body);
    if (auto version = cursor.u8(); version != kVersion)
        return refuse(ErrorCode::open, open_error::kVersion,
                      fmt::format("it speaks version {} of BGP, and weir version 4", version), {0, kVersion});
    Open open;
    open.asn = cursor.u16();
    open.hold_time = cursor.u16();
    open.router_id = cursor.u32();
    if (auto done = read_parameters(cursor, open.capabilities); !done) return std::unexpected(done.error());
    // RFC 7607: in neither place.
    if (open.capabilities.asn && open.asn != 0) open.asn = *open.capabilities.asn;
    if (open.asn == 0) return refuse(ErrorCode::open, open_error::kPeerAs, "it says AS 0, which nobody has");
    if (open.hold_time == 1 || open.hold_time == 2)
        return refuse(
            ErrorCode::open, open_error::kHoldTime,
            fmt::format("it wants a hold time of {} s; at least 3 s are allowed, or 0", open.hold_time));
    if (open.router_id == 0)
        return refuse(ErrorCode::open, open_error::kIdentifier, "its BGP identifier is 0.0.0.0");
    return open;
}

}  // namespace weir::announce::bgp
