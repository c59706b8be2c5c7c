#include "model/event_kind.h"

#include <array>

namespace weir::model {
namespace {

struct Kind {
    std::string_view name;
    Severity severity;
    std::optional<EventKind> ends{};
};

/// In the order of EventKind.
constexpr std::array<Kind, kEventKinds> kKinds{{
    {"started", Severity::info},
    {"plan_applied", Severity::info, EventKind::plan_failed},
    {"plan_failed", Severity::error},
    {"reload_accepted", Severity::info, EventKind::reload_refused},
    {"reload_refused", Severity::error},
    {"backend_up", Severity::info, EventKind::backend_down},
    {"backend_down", Severity::warning},
    {"service_healthy", Severity::info, EventKind::service_unhealthy},
    {"service_unhealthy", Severity::warning},
    {"override_set", Severity::info},
    {"override_lifted", Severity::info},
    {"override_expired", Severity::warning},
    {"drain_finished", Severity::info},
    {"certificate_expiring", Severity::warning},
    {"bgp_up", Severity::info, EventKind::bgp_down},
    {"bgp_down", Severity::warning},
    {"bfd_up", Severity::info, EventKind::bfd_down},
    {"bfd_down", Severity::warning},
    {"vip_announced", Severity::info},
    {"vip_withdrawn", Severity::info},
    {"sync_peer_up", Severity::info, EventKind::sync_peer_down},
    {"sync_peer_down", Severity::warning},
    {"source_failed", Severity::warning},
    {"source_recovered", Severity::info, EventKind::source_failed},
    {"source_held", Severity::warning},
    {"source_changed", Severity::info},
}};
static_assert(static_cast<size_t>(EventKind::source_changed) + 1 == kEventKinds);

}  // namespace

std::string_view to_text(EventKind kind) {
    return kKinds.at(static_cast<size_t>(kind)).name;
}

std::string_view to_text(Severity severity) {
    constexpr std::array<std::string_view, 3> kNames{"info", "warning", "error"};
    return kNames.at(static_cast<size_t>(severity));
}

Severity severity_of(EventKind kind) {
    return kKinds.at(static_cast<size_t>(kind)).severity;
}

std::optional<EventKind> ended_by(EventKind kind) {
    return kKinds.at(static_cast<size_t>(kind)).ends;
}

}  // namespace weir::model
