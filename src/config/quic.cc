#include <set>

#include "config/sections.h"

namespace weir::config {
namespace {

constexpr int kMostIdBytes = 19;  // of a connection id's 20 the first is not id nor nonce

std::optional<QuicDraft> read_config(const Node& node, Mistakes& mistakes) {
    Fields fields(node, kQuicConfig, "the config", node.place, mistakes);
    QuicDraft draft{{}, node.place, {}};
    auto& [rotation, id, nonce, key] = draft.value;
    fields.number("rotation", rotation);
    if (const Node* file = fields.scalar("key_file")) draft.key_file = {file->text, file->place};
    if (!fields.number("server_id_length", id) || !fields.number("nonce_length", nonce)) return std::nullopt;
    if (id + nonce > kMostIdBytes)
        mistakes.add(
            fields.place_of("nonce_length"),
            "a server id of {} bytes and a nonce of {} do not fit into a connection id; write a nonce "
            "of {} at most",
            id, nonce, kMostIdBytes - id);
    return draft;
}

}  // namespace

std::vector<QuicDraft> read_quic(const Fields& service, Mistakes& mistakes) {
    std::vector<QuicDraft> configs;
    const Node* quic = service.mapping("quic");
    if (!quic) return configs;
    Fields fields(*quic, kQuic, "quic", quic->place, mistakes);
    std::set<uint8_t> rotations;
    for (const auto& item : fields.items("configs")) {
        auto config = read_config(*item, mistakes);
        if (!config) continue;
        if (rotations.insert(config->value.rotation).second)
            configs.push_back(*std::move(config));
        else
            mistakes.add(config->at, "rotation {} is in 'configs' twice; give each config its own",
                         config->value.rotation);
    }
    return configs;
}

}  // namespace weir::config
