#include "alert/text.h"

#include <algorithm>

namespace weir::alert {

std::string shorten(std::string_view text, size_t most) {
    constexpr std::string_view kMore = "…";
    if (text.size() <= most) return std::string(text);
    auto end = most - std::min(most, kMore.size());
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    return std::string(text.substr(0, end)) + std::string(kMore);
}

std::string one_line(std::string_view text) {
    std::string line(text);
    std::ranges::replace_if(
        line, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }, ' ');
    return line;
}

}  // namespace weir::alert
