// A list of backends as YAML: see "Values" in doc/discovery.md. Pure.
#pragma once

#include <string_view>

#include "discovery/source.h"

namespace weir::discovery {

/// `- 10.0.0.1:80` and `- {address: 10.0.0.2, weight: 2}`, as value.h reads JSON's. What is no list is
/// refused as a whole, by its line and column.
Set read_yaml_list(std::string_view text, std::string_view where);

// The reader takes much memory and time for a byte; 65,536 addresses fit in this.
constexpr size_t kMostYaml = 1 << 20;

}  // namespace weir::discovery
