// A capture's packets through an engine's own datapath, one after the other: it remembers what it would
// remember of them. Nothing leaves the machine, and no interface is touched.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "engine/decision.h"
#include "model/plan.h"
#include "net/ip.h"

namespace weir::engine {

/// What a capture does not tell.
struct ReplaySetup {
    std::map<net::Ip, net::Mac> neighbours;  // of backends; the others' are made from their addresses
    std::optional<net::Mac> own_mac;         // default: whom the first frame to a VIP is for
    uint32_t mtu = 1500;                     // of the way to every backend
};

struct Replayed {
    Decision decision;           // its reason may be why the frame could not be replayed
    std::vector<uint8_t> frame;  // as it would leave; of one that does not: as it came
};

/// Takes a whole frame.
using Replay = std::move_only_function<Result<Replayed>(std::span<const uint8_t> frame)>;

}  // namespace weir::engine
