#include "discovery/yaml_list.h"

#include <boost/json.hpp>
#include <ranges>

#include "config/document.h"
#include "discovery/value.h"

namespace weir::discovery {
namespace {

namespace json = boost::json;
using config::Node;

/// A list's words, as far as a backend may have them: aliases make a long list out of a short text.
json::value words_of(const Node& list) {
    json::array words;
    for (const auto& item : list.items) {
        if (words.size() > kMostTags) break;
        words.emplace_back(item->kind == Node::Kind::scalar ? json::value(item->text) : json::value());
    }
    return words;
}

/// As JSON would have it, so far as anybody looks: a scalar is text, also where it is a number.
json::value value_of(const Node& node) {
    if (node.kind == Node::Kind::scalar) return json::value(node.text);
    if (node.kind == Node::Kind::sequence) return words_of(node);
    return nullptr;
}

Result<Found> read_item(const Node& node) {
    if (node.kind == Node::Kind::scalar) return read_value(json::value(node.text));
    if (node.kind != Node::Kind::mapping)
        return fail("{} is neither an address nor a mapping with one", config::describe(node.kind));
    json::object object;
    for (const auto& [key, value] : node.entries)
        for (std::string_view name : {"address", "port", "weight", "priority", "tags"})
            if (key->kind == Node::Kind::scalar && key->text == name) object[name] = value_of(*value);
    return read_value(json::value(std::move(object)));
}

}  // namespace

Set read_yaml_list(std::string_view text, std::string_view where) {
    Set set;
    if (text.size() > kMostYaml) {
        take(fail("a YAML list of more than {} MiB; write plain lines or JSON", kMostYaml >> 20), where, set);
        return set;
    }
    auto document = config::read_document(text);
    if (!document) {
        const auto& mistake = document.error().front();
        take(fail("{}", mistake.message),
             fmt::format("{}, line {}, column {}", where, mistake.line, mistake.column), set);
        return set;
    }
    const auto& list = **document;
    if (list.kind != Node::Kind::sequence && list.kind != Node::Kind::empty)
        take(fail("{} stands where a list should", config::describe(list.kind)), where, set);
    for (const auto& item : list.items | std::views::take(kMostLooks))
        take(read_item(*item), fmt::format("{}, line {}", where, item->place.line), set);
    return set;
}

}  // namespace weir::discovery
