#include <charconv>

#include "config/prefix_map.h"
#include "config/sections.h"

namespace weir::config {
namespace {

constexpr uint16_t kHighestVlan = 4094;

std::optional<uint16_t> read_id(const Node& key, const model::Vlans& vlans, Mistakes& mistakes) {
    uint16_t id = 0;
    const auto& text = key.text;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
    bool whole = error == std::errc{} && end == text.data() + text.size();
    if (!whole || id < 1 || id > kHighestVlan)
        mistakes.add(key.place, "'{}' is not a VLAN id; write a number from 1 to {}", text, kHighestVlan);
    else if (vlans.contains(id))
        mistakes.add(key.place, "VLAN {} stands here again; write its prefixes in one list", id);
    else
        return id;
    return std::nullopt;
}

/// A list, or one.
std::vector<NodePtr> prefixes_of(const NodePtr& value, uint16_t id, Mistakes& mistakes) {
    if (value->kind == Node::Kind::scalar) return {value};
    if (value->kind != Node::Kind::sequence)
        mistakes.add(value->place, "VLAN {} is {}; write a list of prefixes, or one", id,
                     describe(value->kind));
    else if (value->items.empty())
        mistakes.add(value->place, "VLAN {} is an empty list; write a list of prefixes, or one", id);
    return value->items;
}

}  // namespace

model::Vlans read_vlans(const Node& node, Mistakes& mistakes) {
    model::Vlans vlans;
    PrefixMap<uint16_t> owners;
    for (const auto& [key, value] : node.entries) {
        auto id = read_id(*key, vlans, mistakes);
        if (!id) continue;
        auto& prefixes = vlans[*id];
        for (const auto& item : prefixes_of(value, *id, mistakes)) {
            auto prefix = net::Prefix::parse(item->text);
            if (item->kind != Node::Kind::scalar) {
                mistakes.add(item->place, "a prefix of VLAN {} is {}; write ADDRESS/LENGTH", *id,
                             describe(item->kind));
            } else if (!prefix) {
                mistakes.note(item->place, prefix.error().message);
            } else if (const auto* other = owners.overlapping(*prefix)) {
                mistakes.add(item->place, "{} overlaps with {} of VLAN {}; keep one of the two",
                             prefix->text(), other->first.text(), other->second);
            } else {
                owners.add(*prefix, *id);
                prefixes.push_back(*prefix);
            }
        }
    }
    return vlans;
}

}  // namespace weir::config
