// Who else on the network says that one of weir's VIPs is his: what is known for some minutes after he last
// said so. Pure: time comes in by the caller. Bounded, because anybody can send such frames.
#pragma once

#include <chrono>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/xdp/abi.h"

namespace weir::engine::xdp {

/// Somebody else on the network says that a VIP is his.
struct Conflict {
    net::Ip vip;
    net::Mac mac;
    uint32_t interface = 0;

    bool operator==(const Conflict&) const = default;
};

/// Takes from the datapath's rows what it has heard since the last time; of several at one place the last.
std::vector<Conflict> take_conflicts(std::span<weir_conflict> rows);

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
