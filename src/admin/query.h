// What a request's query says.
#pragma once

#include <string>
#include <string_view>

#include "admin/http.h"

namespace weir::admin {

/// "" where it is not there.
std::string parameter(const Request& request, const std::string& name);

/// A whole number within the bounds. `name`: what it is called, for the error.
Result<uint64_t> read_number(std::string_view name, std::string_view text, uint64_t least, uint64_t most);

/// The same of a parameter that may be left out.
Result<uint64_t> number_parameter(const Request& request, const std::string& name, uint64_t least,
                                  uint64_t most, uint64_t otherwise);

}  // namespace weir::admin
