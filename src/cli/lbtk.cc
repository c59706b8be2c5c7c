#include "cli/lbtk.h"

#include <string_view>
#include <utility>

namespace weir::cli {

std::vector<std::string> without_lbtk_names(std::vector<std::string> words) {
    constexpr std::pair<std::string_view, std::string_view> kNames[] = {
        {"echo-tcp", "echo"},
        {"echo-tcp-splice", "echo"},
        {"proxy-tcp", "proxy"},
        {"proxy-tcp-splice", "proxy"},
    };
    constexpr std::string_view kRefresh = "refresh-";
    if (words.empty()) return words;
    const auto first = words.front();
    for (auto [theirs, ours] : kNames)
        if (first == theirs) words.front() = ours;
    if (first.starts_with(kRefresh)) {
        words.front() = first.substr(kRefresh.size());
        words.emplace(words.begin(), "refresh");
    }
    return words;
}

}  // namespace weir::cli
