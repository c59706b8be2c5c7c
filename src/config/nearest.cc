#include "config/nearest.h"

#include <algorithm>
#include <vector>

namespace weir::config {

size_t edit_distance(std::string_view left, std::string_view right) {
    size_t width = right.size() + 1;
    std::vector<size_t> before(width), above(width), row(width);
    for (size_t j = 0; j < width; j++) above[j] = j;
    for (size_t i = 1; i <= left.size(); i++) {
        row[0] = i;
        for (size_t j = 1; j < width; j++) {
            size_t differs = left[i - 1] != right[j - 1];
            row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + differs});
            bool swapped = i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1];
            if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
        }
        std::swap(before, above);
        std::swap(above, row);
    }
    return above[right.size()];
}

std::optional<std::string_view> nearest(std::string_view word, std::span<const std::string_view> known) {
    std::optional<std::string_view> best;
    // Beyond these bounds nobody mistyped, and a hostile file would cost much time.
    if (word.size() > 100 || known.size() > 1000) return best;
    size_t least = std::max<size_t>(word.size() / 3, 1) + 1;
    for (auto candidate : known) {
        if (candidate.size() > word.size() + least || word.size() > candidate.size() + least) continue;
        auto distance = edit_distance(word, candidate);
        if (distance >= least || distance >= candidate.size()) continue;
        least = distance;
        best = candidate;
    }
    return best;
}

}  // namespace weir::config
