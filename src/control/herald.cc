#include "control/herald.h"

namespace weir::control {

std::string_view to_text(Suppressed reason) {
    constexpr std::array<std::string_view, kSuppressed> names{"repeated", "settled", "gathered", "dropped"};
    return names.at(static_cast<size_t>(reason));
}

}  // namespace weir::control
