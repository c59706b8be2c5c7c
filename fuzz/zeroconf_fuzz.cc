// Any bytes as a TXT record (strings with their lengths in front) of a service that Avahi tells of: a backend
// within its bounds, or one line that says why not.
#include <algorithm>
#include <cstdlib>

#include "discovery/value.h"
#include "discovery/zeroconf_services.h"

namespace {

using namespace weir::discovery;

constexpr size_t kLongest = 1000;

void require(bool holds) {
    if (!holds) std::abort();
}

bool is_one_line(const std::string& text) {
    return text.size() <= kLongest && std::ranges::none_of(text, [](char c) { return c >= 0 && c < ' '; });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    Announced announced{weir::net::Ip::v4({10, 0, 0, 1}), 80};
    for (size_t at = 0; at < size;) {
        const size_t length = std::min<size_t>(data[at], size - at - 1);
        announced.txt.emplace_back(reinterpret_cast<const char*>(data) + at + 1, length);
        at += 1 + length;
    }
    const auto found = read_announced(announced);
    if (!found) {
        require(is_one_line(found.error().message));
        return 0;
    }
    require(found->weight <= kMostWeight && found->tags.size() <= 16);
    require(std::ranges::all_of(found->tags, is_one_line));
    return 0;
}
