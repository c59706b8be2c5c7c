// The API's routes, declared once: requests are dispatched by this table (api.h), and it is what
// /api/v1/openapi.json says (openapi.h).
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "admin/api.h"

namespace weir::admin {

/// A body. `schema`: of JSON, by its name in schemas().
struct Content {
    std::string_view type = "application/json";
    std::string_view schema{};
};

/// In the query: a text or, with `most`, a number.
struct Parameter {
    std::string_view name;
    std::string_view what;
    bool required = false;
    uint64_t least = 0;
    uint64_t most = 0;
};

/// An answer other than 200, apart from those that every route may have.
struct Other {
    unsigned status = 400;
    Content content{.schema = "Error"};
};

struct Route {
    std::string_view method;
    std::string_view path;
    Rendering (*run)(const Parts&, const Request&);
    std::string_view summary;
    Content answer;  // with 200
    std::span<const Other> others{};
    std::span<const Parameter> parameters{};
    std::optional<Content> body{};
    bool open = false;  // needs no token
};

std::span<const Route> routes();

}  // namespace weir::admin
