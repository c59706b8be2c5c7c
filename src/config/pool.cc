#include <set>

#include "config/sections.h"

namespace weir::config {
namespace {

std::optional<Placed<model::Backend>> read_backend(const Node& node, Mistakes& mistakes) {
    Placed<model::Backend> backend{{}, node.place};
    if (node.kind == Node::Kind::scalar) {
        auto address = read_unicast(node.text);
        if (!address) {
            mistakes.note(node.place, address.error().message);
            return std::nullopt;
        }
        backend.value.address = *address;
        return backend;
    }
    Fields fields(node, kBackend, "the backend", node.place, mistakes);
    fields.number("weight", backend.value.weight);
    fields.choice("state", backend.value.state);
    if (!fields.parsed("address", read_unicast, backend.value.address)) return std::nullopt;
    backend.at = fields.place_of("address");
    return backend;
}

}  // namespace

PoolDraft read_pool(const Node& node, std::string_view name, Place at, Mistakes& mistakes) {
    PoolDraft pool{at, {}, false};
    auto before = mistakes.count();
    Fields fields(node, kPool, fmt::format("pool '{}'", name), at, mistakes);
    std::set<net::Ip> addresses;
    for (const auto& item : fields.items("static")) {
        auto backend = read_backend(*item, mistakes);
        if (!backend) continue;
        if (addresses.insert(backend->value.address).second)
            pool.backends.push_back(*backend);
        else
            mistakes.add(backend->at, "backend {} is in pool '{}' twice; keep one of the two",
                         backend->value.address.text(), name);
    }
    pool.whole = mistakes.count() == before;
    return pool;
}

}  // namespace weir::config
