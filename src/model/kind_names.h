// The kinds of events by their names.
#pragma once

#include "model/event_kind.h"

namespace weir::model {

inline std::optional<EventKind> kind_named(std::string_view name) {
    for (size_t i = 0; i < kEventKinds; ++i)
        if (auto kind = static_cast<EventKind>(i); to_text(kind) == name) return kind;
    return std::nullopt;
}

}  // namespace weir::model
