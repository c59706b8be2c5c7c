// A target as the datapath has it: from the plan and the way to its backend. Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/result.h"
#include "engine/xdp/abi.h"
#include "model/plan.h"
#include "sched/hash.h"

namespace weir::engine::xdp {

/// The way to a backend: what its frames look like and where they leave.
struct Hop {
    net::Mac mac;         // of the next hop
    net::Mac source_mac;  // of the interface towards it
    int interface = 0;
    std::optional<uint16_t> vlan{};
    uint32_t mtu = 1500;              // of the way
    bool gateway = false;             // the next hop is not the backend itself
    std::optional<net::Ip> source{};  // the balancer's address on it, of the backend's family

    bool operator==(const Hop&) const = default;
};
struct IpHash {
    size_t operator()(const net::Ip& ip) const { return sched::hash(ip); }
};
/// By backend; those that are missing get no packets.
using Hops = std::unordered_map<net::Ip, Hop, IpHash>;
using SharedHops = std::shared_ptr<const Hops>;

/// Bytes that a tunnel puts in front of the packet; 0 for what is none.
uint32_t overhead(const model::Forward& forward, net::Family backend);

/// Why the service's packets cannot go this way; nothing when they can.
std::optional<std::string> why_not(const model::Frontend& frontend, const net::Ip& backend, const Hop& hop);

/// `number` is the frontend's. Without a way, or with one that the service's packets cannot go, the target
/// accepts nothing. `several`: packets may come in by other interfaces, with other MTUs.
weir_target make_target(const model::Frontend& frontend, uint32_t number, const model::Target& target,
                        const Hop* hop, bool several);

/// The way that a target's row describes.
Hop hop_of(const weir_target& row, net::Family backend);

/// Notes a way that a row describes. Of a backend's rows that of a tunnel counts: it alone tells the MTU and
/// the balancer's address, which others do not need.
void adopt(Hops& hops, const net::Ip& backend, const Hop& hop);

weir_name make_name(const model::TargetKey& key, bool retired);
model::TargetKey key_of(const weir_name& name);

/// Addresses and keys as the datapath has them, and back. Of a range or prefix the key is its begin.
weir_key to_abi(const model::FrontendKey& key);
weir_address to_abi(const net::Ip& ip);
net::Ip from_abi(const weir_address& address, uint8_t family);

}  // namespace weir::engine::xdp
