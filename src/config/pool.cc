#include <set>

#include "config/sections.h"

namespace weir::config {
namespace {

constexpr size_t kMostIdBytes = 15;

Result<std::vector<uint8_t>> read_server_id(std::string_view text) {
    auto bytes = read_hex(text);
    if (!bytes || bytes->empty() || bytes->size() > kMostIdBytes)
        return fail("'{}' is not a server id; write 1 to {} bytes in hex digits, such as \"0a0b\"", text,
                    kMostIdBytes);
    return *bytes;
}

void check_threshold(const BackendDraft& backend, Mistakes& mistakes) {
    const auto& value = backend.value;
    if (value.max_connections == 0)
        mistakes.add(backend.min_connections_at,
                     "'min_connections' is when a full backend gets flows again; add 'max_connections', when "
                     "it is full");
    else if (value.min_connections >= value.max_connections)
        mistakes.add(backend.min_connections_at,
                     "'min_connections' is not below 'max_connections'; write fewer");
}

std::optional<BackendDraft> read_backend(const Node& node, Mistakes& mistakes) {
    BackendDraft backend{{}, node.place};
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
    fields.number("max_connections", backend.value.max_connections);
    if (fields.number("min_connections", backend.value.min_connections)) {
        backend.min_connections_at = fields.place_of("min_connections");
        check_threshold(backend, mistakes);
    }
    uint16_t port = 0;
    if (fields.number("port", port)) {
        backend.value.port = net::Port(port);
        backend.port_at = fields.place_of("port");
    }
    if (fields.parsed("server_id", read_server_id, backend.value.server_id))
        backend.server_id_at = fields.place_of("server_id");
    if (!fields.parsed("address", read_unicast, backend.value.address)) return std::nullopt;
    backend.at = fields.place_of("address");
    return backend;
}

}  // namespace

PoolDraft read_pool(const Node& node, std::string_view name, Place at, Mistakes& mistakes) {
    PoolDraft pool{std::string(name), at, {}, false};
    auto before = mistakes.count();
    Fields fields(node, kPool, fmt::format("pool '{}'", name), at, mistakes);
    std::set<net::Ip> addresses;
    std::set<std::vector<uint8_t>> ids;
    for (const auto& item : fields.items("static")) {
        auto backend = read_backend(*item, mistakes);
        if (!backend) continue;
        const auto& id = backend->value.server_id;
        if (!id.empty() && !ids.insert(id).second)
            mistakes.add(backend->server_id_at,
                         "another backend of pool '{}' has this server id; give each its own", name);
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
