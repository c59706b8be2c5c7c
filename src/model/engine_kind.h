// Who carries a service out.
#pragma once

#include <cstdint>

namespace weir::model {

enum class EngineKind : uint8_t { xdp, ipvs, proxy };
inline constexpr EngineKind kEngineKinds[] = {EngineKind::xdp, EngineKind::ipvs, EngineKind::proxy};

}  // namespace weir::model
