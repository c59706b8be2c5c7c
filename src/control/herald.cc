#include "control/herald.h"

namespace weir::control {

std::string_view to_text(Suppressed reason) {
    constexpr std::array<std::string_view, kSuppressed> kNames{"repeated", "settled", "gathered", "dropped"};
    return kNames.at(static_cast<size_t>(reason));
}

}  // namespace weir::control
