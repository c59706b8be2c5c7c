#include "app/sources.h"

#include <vector>

#include "discovery/kinds.h"

namespace weir::app {

std::span<const discovery::Kind> source_kinds() {
    static const discovery::Kind kinds[] = {
#define SOURCE(name) discovery::name##_kind(),
#include "discovery/kinds.def"
#undef SOURCE
    };
    return kinds;
}

config::SourceKinds known_sources() {
    static const auto all = [] {
        std::vector<model::SourceKind> known;
        known.reserve(source_kinds().size());
        for (const auto& kind : source_kinds()) known.push_back(kind.known);
        return known;
    }();
    return all;
}

}  // namespace weir::app
