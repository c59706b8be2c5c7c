// Text that has to fit.
#pragma once

#include <string>
#include <string_view>

namespace weir::alert {

constexpr size_t kMostLine = 1000;  // bytes of an event's text where several stand together

/// At most so many bytes of UTF-8, ended by "…" where something is left out; no character is cut.
std::string shorten(std::string_view text, size_t most);

/// In one line: control characters become spaces.
std::string one_line(std::string_view text);

}  // namespace weir::alert
