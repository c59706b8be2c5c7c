#include "config/escapes.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace weir::config {
namespace {

constexpr std::pair<char, char> kLetters[] = {{'r', '\r'}, {'n', '\n'}, {'t', '\t'}, {'\\', '\\'}};

/// Takes one escape from `rest`, which stands behind its backslash.
Result<char> take_escape(std::string_view& rest) {
    auto letter = rest.empty() ? std::end(kLetters)
                               : std::ranges::find(kLetters, rest[0], &std::pair<char, char>::first);
    if (letter != std::end(kLetters)) {
        rest.remove_prefix(1);
        return letter->second;
    }
    uint8_t byte = 0;
    auto digits = rest.size() >= 3 && rest[0] == 'x' ? rest.substr(1, 2) : std::string_view();
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size())
        return fail("'\\{}' is not an escape; write \\r, \\n, \\t, \\\\ or two hex digits as in \\x0a",
                    rest.substr(0, rest.starts_with('x') ? 3 : 1));
    rest.remove_prefix(3);
    return static_cast<char>(byte);
}

}  // namespace

Result<std::string> read_escapes(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        char c = text.front();
        text.remove_prefix(1);
        if (c == '\\') {
            auto escaped = take_escape(text);
            if (!escaped) return propagate(escaped);
            c = *escaped;
        }
        out += c;
    }
    if (out.empty()) return fail("the text is empty; leave the setting out or write some");
    if (out.size() > kMostEscapedText)
        return fail("the text has {} bytes; write {} at most", out.size(), kMostEscapedText);
    return out;
}

}  // namespace weir::config
