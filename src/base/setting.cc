#include "base/setting.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace weir {
namespace {

std::string list_of(std::span<const std::string_view> words) {
    if (words.empty()) return "";
    if (words.size() == 1) return std::string(words.front());
    return fmt::format("{} or {}", fmt::join(words.first(words.size() - 1), ", "), words.back());
}

constexpr int64_t kSecond = 1000, kHour = 3600 * kSecond, kDay = 24 * kHour;

}  // namespace

const Setting* Section::find(std::string_view setting) const {
    auto found = std::ranges::find(settings, setting, &Setting::name);
    return found == settings.end() ? nullptr : &*found;
}

std::string list_words(std::span<const Choice> choices) {
    std::vector<std::string_view> words;
    for (const auto& choice : choices)
        if (choice.instead.empty()) words.push_back(choice.word);
    return list_of(words);
}

std::string duration_text(int64_t milliseconds) {
    constexpr std::pair<int64_t, std::string_view> kUnits[] = {
        {kDay, "d"}, {kHour, "h"}, {60 * kSecond, "m"}, {kSecond, "s"}};
    if (milliseconds == 0) return "0s";
    for (auto [length, unit] : kUnits)
        if (milliseconds % length == 0) return fmt::format("{}{}", milliseconds / length, unit);
    return fmt::format("{}ms", milliseconds);
}

std::string describe(const Setting& setting) {
    switch (setting.takes) {
        case Takes::mapping:
            return fmt::format("a mapping {}", setting.what);
        case Takes::list:
            return fmt::format("a list {}", setting.what);
        case Takes::text:
            return std::string(setting.what);
        case Takes::number:
            return fmt::format("a number from {} to {}", setting.least, setting.most);
        case Takes::milliseconds:
        case Takes::seconds:
            return fmt::format("a duration from {} to {}", duration_text(setting.least),
                               duration_text(setting.most));
        case Takes::choice:
            return list_words(setting.choices);
        case Takes::file:
        case Takes::secret:
            return "the absolute path of a file";
        case Takes::tls:
            return "a mapping of source tls settings";
    }
    return "";
}

}  // namespace weir
