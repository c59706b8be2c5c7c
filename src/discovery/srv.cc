#include "discovery/srv.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "discovery/value.h"

namespace weir::discovery {
namespace {

/// A member whose weight is still any number.
struct Share {
    Found found;
    double weight = 0;
};

void weigh(std::vector<Share*>& tier) {
    bool all_zero = std::ranges::all_of(tier, [](const Share* share) { return share->weight == 0; });
    auto is_ours = [](const Share* share) {
        return share->weight >= 1 && share->weight <= kMostWeight &&
               share->weight == std::floor(share->weight);
    };
    double most = 0;
    for (const auto* share : tier) most = std::max(most, share->weight);
    double scale = all_zero || std::ranges::all_of(tier, is_ours) ? 1 : kMostWeight / most;
    for (auto* share : tier)
        share->found.weight = std::max(1u, static_cast<uint32_t>(std::lround(share->weight * scale)));
}

void add(const Srv& record, const std::vector<net::Ip>& addresses, std::vector<Share>& shares, Set& set) {
    auto refuse = [&](std::string_view why) {
        set.refused.push_back(fmt::format("{}:{}: {}", excerpt(record.target), record.port, why));
    };
    if (record.port == 0) return refuse("0 is no port");
    if (addresses.empty()) return refuse("it has no address");
    for (const auto& address : addresses) {
        if (auto good = check_address(address); !good) {
            refuse(good.error().message);
            continue;
        }
        if (shares.size() == kMostMembers) return refuse(fmt::format("there are more than {}", kMostMembers));
        auto of_family = std::ranges::count(addresses, address.family(), &net::Ip::family);
        shares.push_back({{.address = address, .port = net::Port(record.port), .priority = record.priority},
                          static_cast<double>(record.weight) / static_cast<double>(of_family)});
    }
}

}  // namespace

Result<Srv> read_srv(std::string_view text) {
    auto broken = [&] { return fail("'{}' is not an SRV record", excerpt(text)); };
    Srv srv;
    auto rest = text;
    for (auto* number : {&srv.priority, &srv.weight, &srv.port}) {
        auto [end, error] = std::from_chars(rest.begin(), rest.end(), *number);
        if (error != std::errc{} || end == rest.end() || *end != ' ') return broken();
        rest.remove_prefix(static_cast<size_t>(end + 1 - rest.begin()));
    }
    srv.target = rest;
    return srv;
}

Set spread(const std::vector<Srv>& records, const std::map<std::string, std::vector<net::Ip>>& addresses) {
    Set set;
    std::vector<Share> shares;
    for (const auto& record : records) {
        auto found = addresses.find(record.target);
        if (!record.target.empty())
            add(record, found == addresses.end() ? std::vector<net::Ip>() : found->second, shares, set);
    }
    std::map<uint16_t, std::vector<Share*>> tiers;
    for (auto& share : shares) tiers[share.found.priority].push_back(&share);
    for (auto& [priority, tier] : tiers) weigh(tier);
    for (auto& share : shares) set.members.push_back(std::move(share.found));
    return set;
}

}  // namespace weir::discovery
