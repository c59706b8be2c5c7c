#include "announce/schedule.h"

#include <algorithm>

namespace weir::announce {
namespace {

net::Ip next_after(const net::Ip& address) {
    std::array<uint8_t, 16> bytes{};
    std::ranges::copy(address.bytes(), bytes.begin());
    for (auto i = address.bytes().size(); i > 0; --i)
        if (++bytes[i - 1] != 0) break;
    return address.is_v4() ? net::Ip::v4({bytes[0], bytes[1], bytes[2], bytes[3]}) : net::Ip::v6(bytes);
}

/// The addresses of the VIPs that are announced; of several prefixes around one the longest has its way.
std::set<net::Ip> announced_addresses(const model::Plan& plan) {
    auto vips = model::announced_vips(plan);
    std::vector<std::pair<net::Prefix, bool>> longest_last(vips.begin(), vips.end());
    std::ranges::stable_sort(longest_last, {}, [](const auto& entry) { return entry.first.length; });
    std::set<net::Ip> addresses;
    for (const auto& [prefix, announced] : longest_last) {
        if (!announced) {
            auto first = addresses.lower_bound(prefix.address), last = first;
            while (last != addresses.end() && prefix.contains(*last)) ++last;
            addresses.erase(first, last);
            continue;
        }
        auto address = prefix.address;
        for (auto left = 1u << net::free_bits(prefix); left > 0; --left, address = next_after(address))
            addresses.insert(address);
    }
    return addresses;
}

std::optional<uint16_t> tag_of(const net::Ip& vip, const Networks& networks) {
    const Networks::value_type* smallest = nullptr;
    for (const auto& network : networks)
        if (network.first.contains(vip) && (!smallest || smallest->first.length < network.first.length))
            smallest = &network;
    return smallest ? smallest->second : std::nullopt;
}

}  // namespace

std::set<Announcement> announcements_of(const model::Plan& plan, const std::vector<Place>& places,
                                        const std::map<int, Networks>& networks) {
    std::set<Announcement> wanted;
    if (places.empty()) return wanted;
    for (const auto& vip : announced_addresses(plan)) {
        auto configured = model::vlan_of(plan.vlans, vip);
        for (const auto& place : places) {
            auto known = networks.find(place.interface);
            auto tag = known == networks.end() ? std::nullopt : tag_of(vip, known->second);
            wanted.insert({place, vip, tag ? tag : configured});
        }
    }
    return wanted;
}

void Schedule::set(std::set<Announcement> wanted, Time now) {
    for (auto it = rounds_left_.begin(); it != rounds_left_.end();) {
        if (wanted.erase(it->first) > 0) {
            ++it;
            continue;
        }
        agenda_.remove(it->first);
        it = rounds_left_.erase(it);
    }
    for (const auto& announcement : wanted) {
        rounds_left_.emplace(announcement, kRounds);
        agenda_.put(announcement, now);
    }
}

std::vector<Announcement> Schedule::take(Time now) {
    auto due = agenda_.take(now);
    for (const auto& announcement : due)
        if (--rounds_left_.at(announcement) > 0) agenda_.put(announcement, now + kBetween);
    return due;
}

}  // namespace weir::announce
