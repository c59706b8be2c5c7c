#include "admin/openapi.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cctype>

#include "admin/schemas.h"

namespace weir::admin {
namespace {

namespace json = boost::json;

json::string text(std::string_view view) {
    return json::string(view.data(), view.size());
}

json::string_view key(std::string_view view) {
    return {view.data(), view.size()};
}

std::string lower(std::string_view method) {
    std::string name(method);
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    return name;
}

/// `get_events_stream`.
std::string operation_id(const Route& route) {
    constexpr std::string_view kBase = "/api/v1/";
    auto path = route.path;
    path.remove_prefix(path.starts_with(kBase) ? kBase.size() : 1);
    auto id = lower(route.method) + "_" + std::string(path);
    std::ranges::replace_if(id, [](char c) { return c == '/' || c == '.'; }, '_');
    return id;
}

json::object content_json(const Content& content) {
    auto schema = content.schema.empty()
                      ? json::object{{"type", "string"}}
                      : json::object{{"$ref", "#/components/schemas/" + std::string(content.schema)}};
    return {{key(content.type), json::object{{"schema", std::move(schema)}}}};
}

json::object answer_json(std::string_view what, const Content& content) {
    return {{"description", text(what)}, {"content", content_json(content)}};
}

std::string_view meaning(unsigned status) {
    switch (status) {
        case 400:
            return "Something in the request is wrong.";
        case 401:
            return "A token is needed, or this one is not known.";
        case 403:
            return "This client may not do that.";
        case 404:
            return "There is no such thing.";
        case 409:
            return "Another one is under way.";
        case 429:
            return "Too many requests; Retry-After says when to come back.";
        case 500:
            return "It could not be done, or not yet.";
        case 503:
            return "Not yet; try again later.";
        default:
            return "";
    }
}

json::object answers_json(const Route& route) {
    json::object answers{{"200", answer_json("It is done.", route.answer)}};
    for (const auto& other : route.others)
        answers[std::to_string(other.status)] = answer_json(meaning(other.status), other.content);
    for (unsigned status : {401u, 403u, 429u})
        if (!route.open || status == 429)
            answers[std::to_string(status)] = answer_json(meaning(status), {.schema = "Error"});
    return answers;
}

json::array parameters_json(const Route& route) {
    json::array list;
    for (const auto& parameter : route.parameters) {
        json::object schema{{"type", parameter.most == 0 ? "string" : "integer"}};
        if (parameter.most > 0) {
            schema["minimum"] = parameter.least;
            schema["maximum"] = parameter.most;
        }
        list.push_back(json::object{{"name", text(parameter.name)},
                                    {"in", "query"},
                                    {"description", text(parameter.what)},
                                    {"required", parameter.required},
                                    {"schema", std::move(schema)}});
    }
    return list;
}

json::object operation_json(const Route& route) {
    json::object operation{{"operationId", operation_id(route)},
                           {"summary", text(route.summary)},
                           {"responses", answers_json(route)}};
    if (!route.parameters.empty()) operation["parameters"] = parameters_json(route);
    if (route.body)
        operation["requestBody"] = json::object{{"required", true}, {"content", content_json(*route.body)}};
    if (route.open) operation["security"] = json::array{};
    return operation;
}

}  // namespace

json::object openapi(std::span<const Route> routes) {
    json::object paths;
    for (const auto& route : routes) {
        auto& path = paths[key(route.path)];
        if (path.is_null()) path = json::object();
        path.as_object()[lower(route.method)] = operation_json(route);
    }
    json::object bearer{{"type", "http"},
                        {"scheme", "bearer"},
                        {"description", "A viewer's token is good for GET, an operator's for everything."}};
    return {
        {"openapi", "3.1.0"},
        {"info",
         {{"title", "weir"},
          {"summary", "The admin API of the load balancer weir"},
          {"description", "Over the unix socket, and on loopback without admin.token, no token is needed."},
          {"version", WEIR_VERSION}}},
        {"servers", {{{"url", "/"}}}},
        {"security", {{{"bearer", json::array{}}}}},
        {"paths", std::move(paths)},
        {"components", {{"schemas", schemas()}, {"securitySchemes", {{"bearer", std::move(bearer)}}}}}};
}

}  // namespace weir::admin
