// Pieces that JSON schemas are made of. Only for the sources that make them.
#pragma once

#include <algorithm>
#include <boost/json.hpp>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::admin {

namespace json = boost::json;

using Fields = std::vector<std::pair<std::string_view, json::object>>;
using Words = std::initializer_list<std::string_view>;

inline json::string text_of(std::string_view view) {
    return json::string(view.data(), view.size());
}

inline json::object type(const char* name) {
    return {{"type", name}};
}
inline json::object text() {
    return type("string");
}
inline json::object whole() {
    return {{"type", "integer"}, {"minimum", 0}};
}
inline json::object whole(int64_t least, int64_t most) {
    return {{"type", "integer"}, {"minimum", least}, {"maximum", most}};
}
inline json::object number() {
    return {{"type", "number"}, {"minimum", 0}};
}
inline json::object truth() {
    return type("boolean");
}
inline json::object time() {
    return {{"type", "string"}, {"format", "date-time"}};
}
/// "set" where there is one, which is not shown.
inline json::object secret() {
    return {{"enum", {"set", nullptr}}};
}
inline json::object words(Words list) {
    json::array all;
    for (auto word : list) all.push_back(text_of(word));
    return {{"type", "string"}, {"enum", std::move(all)}};
}
inline json::object ref(std::string_view name) {
    return {{"$ref", "#/components/schemas/" + std::string(name)}};
}
inline json::object any_of(std::initializer_list<json::object> choices) {
    json::array all;
    for (const auto& choice : choices) all.push_back(choice);
    return {{"anyOf", std::move(all)}};
}
inline json::object or_null(const json::object& schema) {
    return any_of({schema, type("null")});
}
inline json::object list(const json::object& item) {
    return {{"type", "array"}, {"items", item}};
}
/// By names that the operator gives.
inline json::object by_name(const json::object& value) {
    return {{"type", "object"}, {"additionalProperties", value}};
}
/// Those in `optional` may be missing.
inline json::object record(const Fields& fields, Words optional = {}) {
    json::object properties;
    json::array required;
    for (const auto& [name, schema] : fields) {
        properties[json::string_view(name.data(), name.size())] = schema;
        if (std::ranges::find(optional, name) == optional.end()) required.push_back(text_of(name));
    }
    return {{"type", "object"},
            {"properties", std::move(properties)},
            {"required", std::move(required)},
            {"additionalProperties", false}};
}

inline Fields operator+(Fields one, const Fields& other) {
    one.insert(one.end(), other.begin(), other.end());
    return one;
}

// schemas_bgp.cc
void add_bgp(json::object& to);
json::object bgp_attributes();
json::object bgp_settings();
// schemas_proxy.cc
json::object proxy();
json::object proxy_engine();
// schemas_sync.cc
void add_sync(json::object& to);
json::object sync_settings();

}  // namespace weir::admin
