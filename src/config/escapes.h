// Text of a protocol as it stands in the configuration: what cannot be written is escaped.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::config {

constexpr size_t kMostEscapedText = 4096;  // bytes, when read

/// Reads `\r`, `\n`, `\t`, `\\` and `\xNN` as the bytes that they stand for, 1 to 4096 of them.
Result<std::string> read_escapes(std::string_view text);

}  // namespace weir::config
