#include "engine/xdp/target_row.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace weir::engine::xdp {
namespace {

constexpr uint32_t kGre = 4, kUdp = 8, kGue = 4;  // headers, without options
constexpr uint16_t kFouPort = 5555, kGuePort = 6080;
constexpr uint32_t kDoNotFragment = 0x0040;  // as it lies in memory

weir_accepts to_abi(model::Accepts accepts) {
    switch (accepts) {
        case model::Accepts::nothing:
            return WEIR_ACCEPTS_NOTHING;
        case model::Accepts::established:
            return WEIR_ACCEPTS_ESTABLISHED;
        case model::Accepts::all:
            return WEIR_ACCEPTS_ALL;
    }
    return WEIR_ACCEPTS_NOTHING;
}

weir_method to_abi(model::ForwardKind kind) {
    switch (kind) {
        case model::ForwardKind::dsr:
            return WEIR_DSR;
        case model::ForwardKind::ipip:
            return WEIR_IPIP;
        case model::ForwardKind::gre:
            return WEIR_GRE;
        case model::ForwardKind::fou:
            return WEIR_FOU;
        case model::ForwardKind::gue:
            return WEIR_GUE;
        case model::ForwardKind::dscp:
            return WEIR_DSCP;
        case model::ForwardKind::nat:
            return WEIR_NAT;
        case model::ForwardKind::proxy:
            break;
    }
    return WEIR_DSR;
}

uint8_t family_of(const net::Ip& ip) {
    return ip.is_v4() ? WEIR_V4 : WEIR_V6;
}

const net::Prefix* source_of(const model::Forward& forward, net::Family family) {
    auto found = std::ranges::find(forward.sources, family,
                                   [](const net::Prefix& prefix) { return prefix.address.family(); });
    return found == forward.sources.end() ? nullptr : &*found;
}

/// Network order.
uint16_t port_of(const model::Frontend& frontend, const model::Backend& backend) {
    const auto& forward = frontend.forward;
    switch (forward.kind) {
        case model::ForwardKind::fou:
            return htons(forward.port ? forward.port->value() : kFouPort);
        case model::ForwardKind::gue:
            return htons(forward.port ? forward.port->value() : kGuePort);
        case model::ForwardKind::dscp:
            return static_cast<uint16_t>(forward.dscp << 2);
        case model::ForwardKind::nat:
            return backend.port ? htons(backend.port->value()) : 0;
        default:
            return 0;
    }
}

/// What put_outer_v4() in bpf/outer.h need not add up for each packet.
uint32_t fixed_sum(const weir_target& row) {
    uint64_t sum = uint64_t{kDoNotFragment} + row.source.word[0] + row.backend.word[0];
    return static_cast<uint32_t>((sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32));
}

}  // namespace

uint32_t overhead(const model::Forward& forward, net::Family backend) {
    if (!model::is_tunnel(forward.kind)) return 0;
    uint32_t ip = backend == net::Family::v4 ? 20 : 40;
    switch (forward.kind) {
        case model::ForwardKind::gre:
            return ip + kGre;
        case model::ForwardKind::fou:
            return ip + kUdp;
        case model::ForwardKind::gue:
            return ip + kUdp + kGue;
        default:
            return ip;
    }
}

std::optional<std::string> why_not(const model::Frontend& frontend, const net::Ip& backend, const Hop& hop) {
    const auto& forward = frontend.forward;
    bool rewrites = forward.kind == model::ForwardKind::nat || forward.kind == model::ForwardKind::dscp;
    if (rewrites && frontend.key.vip.family() != backend.family())
        return fmt::format("{} is of another family than the VIP {}, which '{}' cannot cross; use a tunnel",
                           backend.text(), frontend.key.vip_text(), model::to_text(forward.kind));
    if (forward.kind == model::ForwardKind::dsr && hop.gateway)
        return fmt::format(
            "{} is behind a gateway: direct server return needs it on a directly connected network; use a "
            "tunnel",
            backend.text());
    if (model::is_tunnel(forward.kind) && !source_of(forward, backend.family()) && !hop.source)
        return fmt::format("the interface towards {} has no {} address for the tunnel to come from",
                           backend.text(), backend.is_v4() ? "IPv4" : "IPv6");
    return std::nullopt;
}

weir_target make_target(const model::Frontend& frontend, uint32_t number, const model::Target& target,
                        const Hop* hop, bool several) {
    weir_target row{};
    const auto& backend = target.backend.address;
    const auto& forward = frontend.forward;
    row.frontend = number;
    row.backend = to_abi(backend);
    row.method = to_abi(forward.kind);
    if (model::is_tunnel(forward.kind) && !backend.is_v4()) row.method |= WEIR_OUTER_V6;
    row.method |= static_cast<uint8_t>(overhead(forward, backend.family()) / 4 << WEIR_OUTER_SHIFT);
    row.port = port_of(frontend, target.backend);
    if (!hop || why_not(frontend, backend, *hop)) return row;
    row.accepts = to_abi(target.accepts);
    std::ranges::copy(hop->mac.bytes, row.mac);
    std::ranges::copy(hop->source_mac.bytes, row.source_mac);
    row.interface = static_cast<uint32_t>(hop->interface);
    row.vlan = hop->vlan ? htons(*hop->vlan) : 0;
    // Without a tunnel a packet leaves as long as it came; by the same interface that needs no look.
    row.room =
        model::is_tunnel(forward.kind) || several
            ? static_cast<uint16_t>(std::clamp(hop->mtu - overhead(forward, backend.family()), 68u, 0xffffu))
            : 0xffff;
    if (const auto* source = source_of(forward, backend.family())) {
        row.source = to_abi(source->address);
        auto free = std::min<unsigned>(net::free_bits(*source), 32);  // of the last word
        row.vary = htonl(static_cast<uint32_t>((uint64_t{1} << free) - 1));
    } else if (model::is_tunnel(forward.kind)) {
        row.source = to_abi(*hop->source);
    }
    if (model::is_tunnel(forward.kind) && backend.is_v4()) row.source.word[1] = fixed_sum(row);
    return row;
}

Hop hop_of(const weir_target& row, net::Family backend) {
    Hop hop;
    std::ranges::copy(row.mac, hop.mac.bytes.begin());
    std::ranges::copy(row.source_mac, hop.source_mac.bytes.begin());
    hop.interface = static_cast<int>(row.interface);
    if (row.vlan) hop.vlan = ntohs(row.vlan);
    static constexpr model::ForwardKind kKinds[] = {model::ForwardKind::dsr, model::ForwardKind::ipip,
                                                    model::ForwardKind::gre, model::ForwardKind::fou,
                                                    model::ForwardKind::gue};
    auto method = row.method & WEIR_METHOD;
    if (method == WEIR_DSR || method > WEIR_GUE) {
        hop.mtu = row.room;
        return hop;
    }
    hop.mtu = row.room + overhead({.kind = kKinds[method]}, backend);
    auto source = row.source;
    if (backend == net::Family::v4) source.half[0] &= 0xffffffff, source.half[1] = 0;
    hop.source = from_abi(source, backend == net::Family::v4 ? WEIR_V4 : WEIR_V6);
    return hop;
}

void adopt(Hops& hops, const net::Ip& backend, const Hop& hop) {
    auto [known, is_new] = hops.try_emplace(backend, hop);
    if (!is_new && hop.source && !known->second.source) known->second = hop;
}

weir_name make_name(const model::TargetKey& key, bool retired) {
    weir_name name{};
    name.key = to_abi(key.frontend);
    name.backend = to_abi(key.backend);
    name.more_ports = key.frontend.more_ports;
    name.family = family_of(key.backend);
    name.retired = retired;
    return name;
}

model::TargetKey key_of(const weir_name& name) {
    return {{from_abi(name.key.vip, name.key.family), net::Port(ntohs(name.key.port)),
             static_cast<model::Protocol>(name.key.protocol), name.more_ports, name.key.vip_bits},
            from_abi(name.backend, name.family)};
}

weir_address to_abi(const net::Ip& ip) {
    weir_address address{};
    auto bytes = ip.bytes();
    std::memcpy(&address, bytes.data(), bytes.size());
    return address;
}

net::Ip from_abi(const weir_address& address, uint8_t family) {
    std::array<uint8_t, 16> bytes;
    std::memcpy(bytes.data(), &address, bytes.size());
    if (family == WEIR_V6) return net::Ip::v6(bytes);
    return net::Ip::v4({bytes[0], bytes[1], bytes[2], bytes[3]});
}

weir_key to_abi(const model::FrontendKey& key) {
    weir_key out{};
    out.vip = to_abi(key.vip);
    out.port = htons(key.port.value());
    out.protocol = static_cast<uint8_t>(key.protocol);
    out.family = family_of(key.vip);
    out.vip_bits = key.free_bits;
    return out;
}

}  // namespace weir::engine::xdp
