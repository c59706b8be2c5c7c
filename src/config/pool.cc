#include <charconv>
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
    fields.number("priority", backend.value.priority);
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

/// `3`, `50%`.
Result<model::Minimum> read_minimum(std::string_view text) {
    model::Minimum minimum;
    minimum.is_percent = text.ends_with('%');
    const auto* last = text.data() + text.size() - minimum.is_percent;
    auto [end, error] = std::from_chars(text.data(), last, minimum.count);
    uint32_t most = minimum.is_percent ? 100 : 65536;
    if (error != std::errc{} || end != last || minimum.count > most)
        return fail("'{}' is no minimum; write a number of backends, or a percentage of them such as 50%",
                    text);
    return minimum;
}

/// The settings of a pool, with one for each kind of source.
std::vector<Setting> pool_settings(SourceKinds kinds) {
    std::vector<Setting> settings(kPool.settings.begin(), kPool.settings.end());
    for (const auto& kind : kinds)
        settings.push_back({kind.section->name, Takes::list, "of source settings, or one"});
    return settings;
}

void read_static(const Fields& fields, PoolDraft& pool, Mistakes& mistakes) {
    std::set<net::Ip> addresses;
    std::set<std::vector<uint8_t>> ids;
    for (const auto& item : fields.items("static")) {
        auto backend = read_backend(*item, mistakes);
        if (!backend) continue;
        const auto& id = backend->value.server_id;
        if (!id.empty() && !ids.insert(id).second)
            mistakes.add(backend->server_id_at,
                         "another backend of pool '{}' has this server id; give each its own", pool.name);
        if (addresses.insert(backend->value.address).second)
            pool.backends.push_back(*backend);
        else
            mistakes.add(backend->at, "backend {} is in pool '{}' twice; keep one of the two",
                         backend->value.address.text(), pool.name);
    }
}

}  // namespace

PoolDraft read_pool(const Node& node, std::string_view name, Place at, SourceKinds kinds,
                    Mistakes& mistakes) {
    PoolDraft pool{std::string(name), at, {}};
    auto before = mistakes.count();
    auto settings = pool_settings(kinds);
    Section section{kPool.name, settings, kPool.unavailable};
    Fields fields(node, section, fmt::format("pool '{}'", name), at, mistakes);
    read_static(fields, pool, mistakes);
    fields.parsed("minimum", read_minimum, pool.minimum);
    fields.duration("damping", pool.damping);
    auto sound = mistakes.count() == before;
    pool.sources = read_sources(fields, kinds, mistakes);
    if (sound && node.kind == Node::Kind::mapping && pool.backends.empty() && pool.sources.empty() &&
        mistakes.count() == before)
        mistakes.add(at, "pool '{}' has no backends and no source of any; add 'static', a list of addresses",
                     name);
    pool.whole = mistakes.count() == before;
    return pool;
}

}  // namespace weir::config
