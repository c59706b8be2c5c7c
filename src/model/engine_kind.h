// Who carries a service out.
#pragma once

#include <cstdint>

namespace weir::model {

enum class EngineKind : uint8_t { xdp, ipvs, proxy };

}  // namespace weir::model
