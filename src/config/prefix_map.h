// Prefixes with a value each, and what of them overlaps with another prefix. A look-up takes one search for
// each length that occurs, so that files with many VIPs are checked in no time.
#pragma once

#include <map>
#include <set>
#include <utility>

#include "net/ip.h"

namespace weir::config {

/// The prefix of that length around an address.
net::Prefix around(const net::Ip& ip, uint8_t length);

/// Of one address without its length.
std::string short_text(const net::Prefix& prefix);

bool overlap(const net::Prefix& one, const net::Prefix& other);

template <class T>
class PrefixMap {
  public:
    using Row = std::pair<const net::Prefix, T>;

    /// Keeps the former value where the prefix is there already.
    void add(const net::Prefix& prefix, T value) {
        lengths_.insert({prefix.address.family(), prefix.length});
        rows_.emplace(prefix, std::move(value));
    }

    /// One that contains the prefix (the shortest), else one that lies in it; null where there is none.
    const Row* overlapping(const net::Prefix& prefix) const {
        for (auto [family, length] : lengths_) {
            if (family != prefix.address.family() || length > prefix.length) continue;
            if (auto found = rows_.find(around(prefix.address, length)); found != rows_.end()) return &*found;
        }
        auto next = rows_.lower_bound(prefix);
        return next != rows_.end() && prefix.contains(next->first.address) ? &*next : nullptr;
    }

  private:
    std::map<net::Prefix, T> rows_;  // by address, then length
    std::set<std::pair<net::Family, uint8_t>> lengths_;
};

}  // namespace weir::config
