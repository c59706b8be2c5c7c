#include "admin/query.h"

#include <charconv>

namespace weir::admin {

std::string parameter(const Request& request, const std::string& name) {
    auto found = request.query.find(name);
    return found == request.query.end() ? std::string() : found->second;
}

Result<uint64_t> read_number(std::string_view name, std::string_view text, uint64_t least, uint64_t most) {
    uint64_t value = 0;
    auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc() || end != text.data() + text.size() || value < least || value > most)
        return fail("{}: '{}' is no number from {} to {}", name, text, least, most);
    return value;
}

Result<uint64_t> number_parameter(const Request& request, const std::string& name, uint64_t least,
                                  uint64_t most, uint64_t otherwise) {
    auto found = request.query.find(name);
    return found == request.query.end() ? otherwise : read_number(name, found->second, least, most);
}

}  // namespace weir::admin
