// Who else on the network says that one of weir's VIPs is his: what is known for some minutes after he last
// said so. Pure: time comes in by the caller. Bounded, because anybody can send such frames.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace weir::engine::xdp {

class Claims {
  public:
    using Time = std::chrono::system_clock::time_point;

    static constexpr std::chrono::minutes kRemembered{10};
    static constexpr size_t kMost = 256;

    /// True where it is new: the VIP was not claimed by this MAC a moment ago.
    bool note(const net::Ip& vip, const net::Mac& mac, const std::string& interface, Time now);
    /// Of the VIPs that the plan announces.
    std::vector<Claim> of(const model::Plan& plan, Time now) const;

  private:
    struct Seen {
        std::string interface;
        Time at;
    };
    std::map<std::pair<net::Ip, net::Mac>, Seen> seen_;
};

}  // namespace weir::engine::xdp
