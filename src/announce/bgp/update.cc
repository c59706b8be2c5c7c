#include "announce/bgp/update.h"

#include <algorithm>

#include "announce/bgp/message.h"
#include "net/writer.h"

namespace weir::announce::bgp {
namespace {

constexpr uint8_t kSequence = 2;  // of an AS_PATH's segments
constexpr size_t kMostBody = kMostMessage - kHeaderSize;
constexpr size_t kLengths = 4;  // of the withdrawn routes and of the attributes

void put(net::Writer& out, uint8_t flags, AttributeType type, std::span<const uint8_t> value) {
    bool extended = value.size() > 255;
    out.u8(flags | (extended ? kExtendedLength : 0)).u8(static_cast<uint8_t>(type));
    if (extended)
        out.u16(static_cast<unsigned>(value.size()));
    else
        out.u8(static_cast<unsigned>(value.size()));
    out.bytes(value);
}

Bytes as_path(const std::vector<uint32_t>& path, bool four_byte) {
    net::Writer out;
    if (path.empty()) return out.take();
    out.u8(kSequence).u8(static_cast<unsigned>(path.size()));
    for (auto asn : path) {
        if (four_byte)
            out.u32(asn);
        else
            out.u16(asn > kMostTwoByteAsn ? kAsTrans : asn);
    }
    return out.take();
}

void put(net::Writer& out, const std::vector<uint32_t>& communities) {
    if (communities.empty()) return;
    net::Writer value;
    for (auto community : communities) value.u32(community);
    put(out, kOptional | kTransitive, AttributeType::communities, value.take());
}

void put(net::Writer& out, const std::vector<model::LargeCommunity>& communities) {
    if (communities.empty()) return;
    net::Writer value;
    for (const auto& each : communities) value.u32(each.global).u32(each.first).u32(each.second);
    put(out, kOptional | kTransitive, AttributeType::large_communities, value.take());
}

/// All but the one that has the routes in it, by their types' order (RFC 4271 section 5).
Bytes write(const Attributes& attributes, const Dialect& dialect, bool with_next_hop) {
    constexpr uint8_t kIgp = 0;
    const auto& path = attributes.as_path;
    net::Writer out;
    put(out, kTransitive, AttributeType::origin, Bytes{kIgp});
    put(out, kTransitive, AttributeType::as_path, as_path(path, dialect.four_byte_asn));
    if (with_next_hop) put(out, kTransitive, AttributeType::next_hop, attributes.next_hop.bytes());
    if (attributes.med) put(out, kOptional, AttributeType::med, net::Writer().u32(*attributes.med).take());
    if (attributes.local_pref)
        put(out, kTransitive, AttributeType::local_pref, net::Writer().u32(*attributes.local_pref).take());
    put(out, attributes.communities);
    bool hidden = std::ranges::any_of(path, [](uint32_t asn) { return asn > kMostTwoByteAsn; });
    if (!dialect.four_byte_asn && hidden)
        put(out, kOptional | kTransitive, AttributeType::as4_path, as_path(path, true));
    put(out, attributes.large_communities);
    return out.take();
}

Bytes write(const net::Prefix& prefix) {
    Bytes out{prefix.length};
    auto address = prefix.address.bytes().first((prefix.length + 7u) / 8);
    out.insert(out.end(), address.begin(), address.end());
    return out;
}

/// Takes as many from the front as fit.
Bytes take(std::span<const net::Prefix>& prefixes, size_t room) {
    Bytes out;
    for (; !prefixes.empty(); prefixes = prefixes.subspan(1)) {
        auto next = write(prefixes.front());
        if (out.size() + next.size() > room) break;
        out.insert(out.end(), next.begin(), next.end());
    }
    return out;
}

Bytes message(std::span<const uint8_t> withdrawn, std::span<const uint8_t> attributes,
              std::span<const uint8_t> routes) {
    net::Writer body;
    body.u16(static_cast<unsigned>(withdrawn.size())).bytes(withdrawn);
    body.u16(static_cast<unsigned>(attributes.size())).bytes(attributes).bytes(routes);
    return framed(Type::update, body.take());
}

/// Always with the long length, so that what fits does not depend on how much it is.
net::Writer mp_header(AttributeType type, size_t length) {
    net::Writer out;
    out.u8(kOptional | kExtendedLength).u8(static_cast<uint8_t>(type)).u16(static_cast<unsigned>(length));
    return out;
}
constexpr size_t kMpHeader = 4, kMpFamily = 3;

Bytes mp_reach(net::Family family, const net::Ip& next_hop, std::span<const uint8_t> routes) {
    auto hop = next_hop.bytes();
    auto out = mp_header(AttributeType::mp_reach, kMpFamily + 1 + hop.size() + 1 + routes.size());
    out.u16(afi(family)).u8(kUnicast).u8(static_cast<unsigned>(hop.size())).bytes(hop).u8(0).bytes(routes);
    return out.take();
}

Bytes mp_unreach(net::Family family, std::span<const uint8_t> routes) {
    auto out = mp_header(AttributeType::mp_unreach, kMpFamily + routes.size());
    out.u16(afi(family)).u8(kUnicast).bytes(routes);
    return out.take();
}

}  // namespace

std::vector<Bytes> announcements(std::span<const net::Prefix> prefixes, const Attributes& attributes,
                                 const Dialect& dialect) {
    std::vector<Bytes> messages;
    const bool plain = attributes.next_hop.is_v4();
    const auto others = write(attributes, dialect, plain);
    const auto used = kLengths + others.size() + (plain ? 0 : mp_reach({}, attributes.next_hop, {}).size());
    while (!prefixes.empty()) {
        auto family = prefixes.front().address.family();
        auto routes = take(prefixes, kMostBody - used);
        if (plain) {
            messages.push_back(message({}, others, routes));
            continue;
        }
        auto all = mp_reach(family, attributes.next_hop, routes);
        all.insert(all.end(), others.begin(), others.end());
        messages.push_back(message({}, all, {}));
    }
    return messages;
}

std::vector<Bytes> withdrawals(std::span<const net::Prefix> prefixes) {
    std::vector<Bytes> messages;
    while (!prefixes.empty()) {
        auto family = prefixes.front().address.family();
        auto routes = take(prefixes, kMostBody - kLengths - kMpHeader - kMpFamily);
        if (family == net::Family::v4)
            messages.push_back(message(routes, {}, {}));
        else
            messages.push_back(message({}, mp_unreach(family, routes), {}));
    }
    return messages;
}

Bytes end_of_rib(net::Family family) {
    if (family == net::Family::v4) return message({}, {}, {});
    return message({}, mp_unreach(family, {}), {});
}

}  // namespace weir::announce::bgp
