#include "health/excerpt.h"

#include <fmt/format.h>

namespace weir::health {

std::string excerpt(std::string_view text) {
    constexpr size_t kMost = 60;
    std::string out;
    for (char c : text) {
        auto byte = static_cast<unsigned char>(c);
        if (out.size() >= kMost) return out + "…";
        if (c == '\r')
            out += "\\r";
        else if (c == '\n')
            out += "\\n";
        else if (byte < 0x20 || byte > 0x7e)
            out += fmt::format("\\x{:02x}", byte);
        else
            out += c;
    }
    return out;
}

}  // namespace weir::health
