#include "engine/xdp/quic_rows.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "engine/xdp/quic_keys.h"

namespace weir::engine::xdp {
namespace {

using Configs = std::vector<model::QuicConfig>;

/// Deletes the rows of a generation. A walk over a hash map begins anew where its key is gone, so the keys
/// are read before.
Status clear_servers(uint32_t half, int map) {
    std::vector<weir_server_key> stale;
    weir_server_key key{}, next{};
    for (void* at = nullptr; bpf_map_get_next_key(map, at, &next) == 0; at = &key) {
        key = next;
        if ((key.frontend & 1) == half) stale.push_back(key);
    }
    for (const auto& each : stale) bpf_map_delete_elem(map, &each);
    return {};
}

weir_server_key server_key(uint32_t frontend, uint32_t half, const std::vector<uint8_t>& id) {
    weir_server_key key{};
    key.frontend = frontend << 1 | half;
    std::ranges::copy(id, key.id);
    key.id[sizeof key.id - 1] = static_cast<uint8_t>(id.size());
    return key;
}

struct Server {
    size_t frontend;  // its place in the plan
    const model::Backend* backend;
};

std::vector<Server> servers_of(const model::Plan& plan) {
    std::vector<Server> servers;
    for (size_t i = 0; i < plan.frontends.size(); i++) {
        if (plan.frontends[i].quic.empty()) continue;
        for (const auto& target : plan.frontends[i].targets)
            if (!target.backend.server_id.empty()) servers.push_back({i, &target.backend});
    }
    return servers;
}

}  // namespace

size_t count_servers(const model::Plan& plan) {
    return servers_of(plan).size();
}

size_t count_quic_tables(const model::Plan& plan) {
    std::set<Configs> sets;
    for (const auto& frontend : plan.frontends)
        if (!frontend.quic.empty()) sets.insert(frontend.quic);
    return sets.size();
}

Result<QuicRows> write_quic_tables(const model::Plan& plan, std::span<weir_quic_table> rows) {
    std::map<Configs, uint32_t> written;
    QuicRows row_of;
    for (size_t i = 0; i < plan.frontends.size(); i++) {
        const auto& configs = plan.frontends[i].quic;
        if (configs.empty()) continue;
        auto [row, is_new] = written.try_emplace(configs, static_cast<uint32_t>(written.size()));
        row_of.emplace(i, row->second);
        if (!is_new) continue;
        auto& table = rows[row->second];
        table = {};
        for (const auto& config : configs) {
            auto made = make_quic_config(config.server_id_length, config.nonce_length, config.key);
            if (!made) return propagate(made);
            table.config[config.rotation] = *made;
        }
    }
    return row_of;
}

Status write_servers(const model::Plan& plan, const Numbers& numbers, uint32_t half, int map) {
    if (auto cleared = clear_servers(half, map); !cleared) return cleared;
    for (const auto& [place, backend] : servers_of(plan)) {
        auto key = server_key(static_cast<uint32_t>(place) + 1, half, backend->server_id);
        uint32_t number = numbers.find({plan.frontends[place].key, backend->address});
        if (int error = bpf_map_update_elem(map, &key, &number, BPF_ANY))
            return fail_with(-error, "cannot write the QUIC server ids");
    }
    return {};
}

}  // namespace weir::engine::xdp
