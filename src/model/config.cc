#include "model/config.h"

namespace weir::model {

std::string to_text(Protocol protocol) {
    switch (protocol) {
        case Protocol::any:
            return "any";
        case Protocol::icmp:
            return "icmp";
        case Protocol::tcp:
            return "tcp";
        case Protocol::udp:
            return "udp";
        case Protocol::icmpv6:
            return "icmpv6";
        case Protocol::sctp:
            return "sctp";
    }
    return std::to_string(static_cast<unsigned>(protocol));
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

std::string_view to_text(SchedulerKind kind) {
    return kind == SchedulerKind::maglev ? "maglev" : "rendezvous";
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
