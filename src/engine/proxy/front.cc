#include "engine/proxy/front.h"

namespace weir::engine::proxy {
namespace {

constexpr std::array<std::string_view, kReasons> kNames{
    "no_backend", "connect_failed", "service_full", "engine_full",     "backends_full", "no_descriptors",
    "bad_header", "idle",           "lifetime",     "backend_removed", "over_rate",     "not_sent"};
static_assert(!kNames.back().empty() && static_cast<size_t>(Reason::not_sent) == kReasons - 1);

}  // namespace

std::string_view to_text(Reason reason) {
    return kNames[static_cast<size_t>(reason)];
}

}  // namespace weir::engine::proxy
