#include "engine/xdp/claims.h"

namespace weir::engine::xdp {
namespace {

bool is_announced(const std::map<net::Prefix, bool>& vips, const net::Ip& vip) {
    const std::pair<const net::Prefix, bool>* longest = nullptr;
    for (const auto& entry : vips)
        if (entry.first.contains(vip) && (!longest || longest->first.length < entry.first.length))
            longest = &entry;
    return longest && longest->second;
}

}  // namespace

bool Claims::note(const net::Ip& vip, const net::Mac& mac, const std::string& interface, Time now) {
    std::erase_if(seen_, [&](const auto& entry) { return now - entry.second.at >= kRemembered; });
    auto found = seen_.find({vip, mac});
    if (found != seen_.end()) {
        found->second = {interface, now};
        return false;
    }
    if (seen_.size() >= kMost) return false;
    seen_.emplace(std::pair(vip, mac), Seen{interface, now});
    return true;
}

std::vector<Claim> Claims::of(const model::Plan& plan, Time now) const {
    std::vector<Claim> claims;
    if (seen_.empty()) return claims;
    const auto vips = model::announced_vips(plan);
    for (const auto& [who, seen] : seen_)
        if (now - seen.at < kRemembered && is_announced(vips, who.first))
            claims.push_back({who.first, who.second, seen.interface, seen.at});
    return claims;
}

}  // namespace weir::engine::xdp
