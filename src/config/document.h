// YAML text as a tree in which every node knows its place. It says nothing yet of what the text means.
#pragma once

#include <compare>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.h"

namespace weir::config {

/// Where something stands in the text; both count from 1, columns in bytes.
struct Place {
    int line = 0;
    int column = 0;

    auto operator<=>(const Place&) const = default;
};

struct Node;
using NodePtr = std::shared_ptr<const Node>;  // shared by the aliases of one anchor; never null

struct Entry {
    NodePtr key;
    NodePtr value;
};

struct Node {
    enum class Kind : uint8_t { empty, scalar, sequence, mapping };

    Kind kind = Kind::empty;
    Place place;                 // of an empty value: its key's
    std::string text;            // of a scalar
    std::vector<NodePtr> items;  // of a sequence
    std::vector<Entry> entries;  // of a mapping, in the order of the text, duplicates too
    size_t size = 1;             // nodes in this tree, aliases counted as often as they are used
};

// The parser needs up to 250 bytes for each byte of a file that is made to cost memory.
constexpr size_t kMaxFileSize = 8 << 20;
constexpr size_t kMaxDepth = 64;
constexpr size_t kMaxNodes = 1 << 22;  // with aliases written out

/// The one document of the text, or the mistakes that keep it from being read. An empty text is an empty
/// node.
std::expected<NodePtr, std::vector<Mistake>> read_document(std::string_view text);

/// "a mapping", "a list", … for messages.
std::string_view describe(Node::Kind kind);

}  // namespace weir::config
