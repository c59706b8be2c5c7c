// Backends in a JSON document of any shape: where its lists are, and in each item what a backend needs, by
// JSON pointers (RFC 6901). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "discovery/source.h"

namespace weir::discovery {

/// What is "" is not given.
struct JsonShape {
    /// The items of the first list have the second, and so on; those of the last are the backends. None: the
    /// document is the list.
    std::vector<std::string> lists{};
    /// Each is looked for in the item, then in those around it, last in the document. Without an address the
    /// item is read as discovery/value.h does.
    std::string address{};
    std::string port{};
    std::string weight{};
    std::string ready{};  // an item where this is false is none

    bool operator==(const JsonShape&) const = default;
};

/// That it is a JSON pointer.
Status check_pointer(std::string_view pointer);

/// Fails where the first list is not there. A list within an item may be absent or null: it is empty then.
Result<Set> read_items(std::string_view document, const JsonShape& shape);

}  // namespace weir::discovery
