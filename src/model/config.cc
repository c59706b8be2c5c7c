#include "model/config.h"

namespace weir::model {

std::string_view to_text(Protocol protocol) {
    return protocol == Protocol::tcp ? "tcp" : "udp";
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

std::string_view to_text(Forward) {
    return "dsr";
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
