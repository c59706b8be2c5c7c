// What the API takes and gives, as JSON Schemas (2020-12) by name: for /api/v1/openapi.json, and for the
// tests that hold every answer against its schema.
#pragma once

#include <boost/json/fwd.hpp>

namespace weir::admin {

/// Objects have all their properties and no others, unless it says otherwise.
boost::json::object schemas();

}  // namespace weir::admin
