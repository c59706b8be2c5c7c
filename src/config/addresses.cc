#include <algorithm>
#include <array>

#include "config/prefix_map.h"
#include "config/sections.h"

namespace weir::config {
namespace {

/// What packets cannot be sent to from outside, or not to one host.
const char* why_not_unicast(const net::Prefix& prefix) {
    auto row = [](const char* what, std::string_view text) {
        return std::pair(what, net::Prefix::parse(text).value());
    };
    static const std::array rows{
        row("a loopback address", "127.0.0.0/8"),           row("a loopback address", "::1/128"),
        row("a multicast address", "224.0.0.0/4"),          row("a multicast address", "ff00::/8"),
        row("the unspecified address", "0.0.0.0/32"),       row("the unspecified address", "::/128"),
        row("the broadcast address", "255.255.255.255/32"),
    };
    auto found = std::ranges::find_if(rows, [&](const auto& each) { return overlap(each.second, prefix); });
    return found == rows.end() ? nullptr : found->first;
}

/// An address or a prefix, no shorter than `v4` and `v6` say.
Result<net::Prefix> read_prefix(std::string_view text, uint8_t v4, uint8_t v6) {
    if (text.find('/') == text.npos) {
        auto address = read_unicast(text);
        if (!address) return propagate(address);
        return net::only(*address);
    }
    auto prefix = net::Prefix::parse(text);
    if (!prefix) return prefix;
    auto least = prefix->address.is_v4() ? v4 : v6;
    if (prefix->length < least)
        return fail("{} is too wide here; write a length of {} at least", text, least);
    if (auto what = why_not_unicast(*prefix))
        return fail("{} has {} in it; write unicast addresses that the network carries", text, what);
    return prefix;
}

}  // namespace

Result<net::Ip> read_unicast(std::string_view text) {
    auto address = net::Ip::parse(text);
    if (!address) return address;
    if (auto what = why_not_unicast(net::only(*address)))
        return fail("{} is {}; write a unicast address that the network carries", text, what);
    return address;
}

Result<net::Prefix> read_vip(std::string_view text) {
    return read_prefix(text, 8, 16);
}

Result<net::Prefix> read_source(std::string_view text) {
    return read_prefix(text, 32 - kMostSourceBits, 128 - kMostSourceBits);
}

}  // namespace weir::config
