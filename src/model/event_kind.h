// What can happen, by name: of events, their counters, and the alerts that ask for some of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace weir::model {

enum class EventKind : uint8_t {
    started,
    plan_applied,
    plan_failed,
    reload_accepted,
    reload_refused,
    backend_up,
    backend_down,
    service_healthy,
    service_unhealthy,
    override_set,
    override_lifted,
    override_expired,
    drain_finished,
    certificate_expiring,
    bgp_up,
    bgp_down,
    bfd_up,
    bfd_down,
    vip_announced,
    vip_withdrawn,
    sync_peer_up,
    sync_peer_down,
    source_failed,
    source_recovered,
    source_held,
    source_changed,
};
inline constexpr size_t kEventKinds = 26;

enum class Severity : uint8_t { info, warning, error };

std::string_view to_text(EventKind kind);
std::string_view to_text(Severity severity);
Severity severity_of(EventKind kind);
/// The trouble that this is the end of: backend_down of backend_up, …
std::optional<EventKind> ended_by(EventKind kind);

}  // namespace weir::model
