#include "app/sources.h"

#include <vector>

#include "discovery/kinds.h"

namespace weir::app {

std::span<const discovery::Kind> source_kinds() {
    static const discovery::Kind kinds[] = {
        discovery::consul_kind(),    discovery::dns_kind(),   discovery::etcd_kind(),
        discovery::exec_kind(),      discovery::file_kind(),  discovery::ganglia_kind(),
        discovery::http_kind(),      discovery::redis_kind(), discovery::zeroconf_kind(),
        discovery::zookeeper_kind(),
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
