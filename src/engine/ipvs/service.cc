#include "engine/ipvs/service.h"

#include <fmt/format.h>
#include <netinet/in.h>

namespace weir::engine::ipvs {
namespace {

std::string protocol_text(uint8_t protocol) {
    switch (protocol) {
        case IPPROTO_TCP:
            return "tcp";
        case IPPROTO_UDP:
            return "udp";
        case IPPROTO_SCTP:
            return "sctp";
        default:
            return std::to_string(protocol);
    }
}

std::string method_text(const Destination& destination) {
    switch (destination.method) {
        case Method::nat:
            return "nat";
        case Method::local:
            return "local";
        case Method::direct:
            return "direct";
        case Method::bypass:
            return "bypass";
        case Method::tunnel:
            break;
    }
    switch (destination.tunnel.kind) {
        case TunnelKind::ipip:
            return "ipip";
        case TunnelKind::gre:
            return "gre";
        case TunnelKind::gue:
            return fmt::format("gue to port {}", destination.tunnel.port);
    }
    return "an unknown tunnel";
}

}  // namespace

std::string ServiceKey::text() const {
    if (mark != 0) return fmt::format("mark {}/{}", mark, address.is_v4() ? "inet" : "inet6");
    auto host = address.is_v4() ? address.text() : fmt::format("[{}]", address.text());
    auto place = fmt::format("{}:{}", host, port.value() == 0 ? "any" : std::to_string(port.value()));
    return place + "/" + protocol_text(protocol);
}

std::string Service::text() const {
    auto text = scheduler;
    if ((flags & ~kPersistent) != 0) text += fmt::format(", flags {:#x}", flags & ~kPersistent);
    if (flags & kPersistent) text += fmt::format(", persistence {} s over /{}", persistence, netmask);
    return text;
}

std::string Destination::text() const {
    auto text = fmt::format("{}, weight {}", method_text(*this), weight);
    if (upper > 0) text += fmt::format(", at most {} connections", upper);
    if (lower > 0) text += fmt::format(", again below {}", lower);
    return text;
}

bool SyncDaemon::allows(const SyncDaemon& running) const {
    return interface == running.interface && id == running.id && (!group || group == running.group) &&
           (!port || port == running.port) && (!ttl || ttl == running.ttl);
}

}  // namespace weir::engine::ipvs
