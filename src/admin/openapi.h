// The API's description for programs: OpenAPI 3.1, made from the table of routes.
#pragma once

#include <boost/json/fwd.hpp>
#include <span>

#include "admin/routes.h"

namespace weir::admin {

boost::json::object openapi(std::span<const Route> routes);

}  // namespace weir::admin
