#include "model/event_kind.h"

#include <array>

namespace weir::model {
namespace {

struct Kind {
    std::string_view name;
    Severity severity;
};

/// In the order of EventKind.
constexpr std::array<Kind, kEventKinds> kKinds{{{"started", Severity::info},
                                                {"plan_applied", Severity::info},
                                                {"plan_failed", Severity::error},
                                                {"reload_accepted", Severity::info},
                                                {"reload_refused", Severity::error},
                                                {"backend_up", Severity::info},
                                                {"backend_down", Severity::warning},
                                                {"service_healthy", Severity::info},
                                                {"service_unhealthy", Severity::warning},
                                                {"override_set", Severity::info},
                                                {"override_lifted", Severity::info},
                                                {"override_expired", Severity::warning},
                                                {"drain_finished", Severity::info}}};
static_assert(static_cast<size_t>(EventKind::drain_finished) + 1 == kEventKinds);

}  // namespace

std::string_view to_text(EventKind kind) {
    return kKinds.at(static_cast<size_t>(kind)).name;
}

std::string_view to_text(Severity severity) {
    constexpr std::array<std::string_view, 3> names{"info", "warning", "error"};
    return names.at(static_cast<size_t>(severity));
}

Severity severity_of(EventKind kind) {
    return kKinds.at(static_cast<size_t>(kind)).severity;
}

}  // namespace weir::model
