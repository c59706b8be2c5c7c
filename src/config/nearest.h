// Which known word was meant: "did you mean" for keys and names.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace weir::config {

/// Insertions, deletions, substitutions and swaps of neighbours that turn one word into the other (optimal
/// string alignment, a restricted Damerau-Levenshtein distance).
size_t edit_distance(std::string_view left, std::string_view right);

/// The nearest of the words, the first among equals; none if more than a third of its letters (and more than
/// one) would have to change.
std::optional<std::string_view> nearest(std::string_view word, std::span<const std::string_view> known);

}  // namespace weir::config
