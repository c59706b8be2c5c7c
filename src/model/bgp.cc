#include "model/bgp.h"

#include <fmt/format.h>

#include <algorithm>

namespace weir::model {
namespace {

constexpr std::pair<uint32_t, std::string_view> kWellKnown[] = {
    {0xffff0000, "graceful-shutdown"}, {0xffff029a, "blackhole"},           {0xffffff01, "no-export"},
    {0xffffff02, "no-advertise"},      {0xffffff03, "no-export-subconfed"}, {0xffffff04, "no-peer"},
};

}  // namespace

std::string community_text(uint32_t community) {
    auto found = std::ranges::find(kWellKnown, community, &std::pair<uint32_t, std::string_view>::first);
    if (found != std::end(kWellKnown)) return std::string(found->second);
    return fmt::format("{}:{}", community >> 16, community & 0xffff);
}

std::optional<uint32_t> well_known_community(std::string_view name) {
    auto found = std::ranges::find(kWellKnown, name, &std::pair<uint32_t, std::string_view>::second);
    return found == std::end(kWellKnown) ? std::nullopt : std::optional(found->first);
}

std::string to_text(const LargeCommunity& community) {
    return fmt::format("{}:{}:{}", community.global, community.first, community.second);
}

}  // namespace weir::model
