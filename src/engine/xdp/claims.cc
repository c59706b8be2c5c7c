#include "engine/xdp/claims.h"

#include <algorithm>
#include <cstring>

#include "engine/xdp/target_row.h"

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

std::vector<Conflict> take_conflicts(std::span<weir_conflict> rows) {
    std::vector<Conflict> taken;
    for (auto& shared : rows) {
        if (__atomic_load_n(&shared.family, __ATOMIC_ACQUIRE) == WEIR_NONE) continue;
        const auto row = shared;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        // The datapath may be writing the next one: then that counts, and next time.
        if (std::memcmp(&row, &shared, sizeof row) != 0) continue;
        __atomic_store_n(&shared.family, WEIR_NONE, __ATOMIC_RELEASE);
        Conflict conflict{from_abi(row.vip, row.family), {}, row.interface};
        std::ranges::copy(row.mac, conflict.mac.bytes.begin());
        taken.push_back(conflict);
    }
    return taken;
}

}  // namespace weir::engine::xdp
