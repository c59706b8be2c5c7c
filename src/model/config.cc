#include "model/config.h"

#include <algorithm>
#include <charconv>

namespace weir::model {
namespace {

using Named = std::pair<std::string_view, Protocol>;

constexpr Named kProtocols[] = {
    {"any", Protocol::any},   {"icmp", Protocol::icmp},     {"igmp", Protocol{2}},
    {"ipip", Protocol{4}},    {"tcp", Protocol::tcp},       {"udp", Protocol::udp},
    {"ipv6", Protocol{41}},   {"gre", Protocol{47}},        {"esp", Protocol{50}},
    {"ah", Protocol{51}},     {"icmpv6", Protocol::icmpv6}, {"ospf", Protocol{89}},
    {"pim", Protocol{103}},   {"vrrp", Protocol{112}},      {"l2tp", Protocol{115}},
    {"sctp", Protocol::sctp}, {"udplite", Protocol{136}},
};

}  // namespace

std::string to_text(Protocol protocol) {
    auto named = std::ranges::find(kProtocols, protocol, &Named::second);
    if (named != std::end(kProtocols)) return std::string(named->first);
    return std::to_string(static_cast<unsigned>(protocol));
}

Result<Protocol> read_protocol(std::string_view text) {
    auto named = std::ranges::find(kProtocols, text, &Named::first);
    if (named != std::end(kProtocols)) return named->second;
    uint8_t number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || number == 0)
        return fail("'{}' is not a protocol; write a name such as udp or a number from 1 to 255", text);
    return static_cast<Protocol>(number);
}

std::string_view to_text(HttpMethod method) {
    switch (method) {
        case HttpMethod::get:
            return "GET";
        case HttpMethod::head:
            return "HEAD";
        case HttpMethod::options:
            return "OPTIONS";
    }
    return "";
}

std::string_view to_text(AdminState state) {
    switch (state) {
        case AdminState::enabled:
            return "enabled";
        case AdminState::draining:
            return "draining";
        case AdminState::disabled:
            return "disabled";
    }
    return "?";
}

std::string_view to_text(EngineKind kind) {
    switch (kind) {
        case EngineKind::xdp:
            return "xdp";
        case EngineKind::ipvs:
            return "ipvs";
        case EngineKind::proxy:
            return "proxy";
    }
    return "?";
}

std::string_view to_text(IpvsRole role) {
    switch (role) {
        case IpvsRole::master:
            return "master";
        case IpvsRole::backup:
            return "backup";
        case IpvsRole::both:
            return "both";
    }
    return "?";
}

std::string_view to_text(SchedulerKind kind) {
    switch (kind) {
        case SchedulerKind::maglev:
            return "maglev";
        case SchedulerKind::rendezvous:
            return "rendezvous";
        case SchedulerKind::rr:
            return "rr";
        case SchedulerKind::random:
            return "random";
        case SchedulerKind::wlc:
            return "wlc";
    }
    return "?";
}

std::string_view scheduler_text(const Scheduler& scheduler, const std::optional<Ipvs>& ipvs) {
    return ipvs ? std::string_view(ipvs->scheduler) : to_text(scheduler.kind);
}

bool knows_backend_ports(ForwardKind kind) {
    return kind == ForwardKind::nat || kind == ForwardKind::proxy;
}

bool is_tunnel(ForwardKind kind) {
    using enum ForwardKind;
    return kind == ipip || kind == gre || kind == fou || kind == gue;
}

bool knows_transport(ForwardKind kind) {
    return kind == ForwardKind::nat || kind == ForwardKind::dscp;
}

std::string_view to_text(ForwardKind kind) {
    switch (kind) {
        case ForwardKind::dsr:
            return "dsr";
        case ForwardKind::ipip:
            return "ipip";
        case ForwardKind::gre:
            return "gre";
        case ForwardKind::fou:
            return "fou";
        case ForwardKind::gue:
            return "gue";
        case ForwardKind::dscp:
            return "dscp";
        case ForwardKind::nat:
            return "nat";
        case ForwardKind::proxy:
            return "proxy";
    }
    return "?";
}

std::string_view to_text(XdpMode mode) {
    switch (mode) {
        case XdpMode::automatic:
            return "auto";
        case XdpMode::native:
            return "native";
        case XdpMode::generic:
            return "generic";
    }
    return "?";
}

}  // namespace weir::model
