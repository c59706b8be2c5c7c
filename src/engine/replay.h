// A capture's packets through an engine's own datapath, one after the other: it remembers what it would
// remember of them. Nothing leaves the machine, and no interface is touched.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/plan.h"
#include "net/ip.h"

namespace weir::engine {

/// What a capture does not tell.
struct ReplaySetup {
    std::map<net::Ip, net::Mac> neighbours;  // of backends; the others' are made from their addresses
    std::optional<net::Mac> own_mac;         // default: whom the first frame to a VIP is for
    uint32_t mtu = 1500;                     // of the way to every backend
};

/// As XDP has them.
enum class Action : uint8_t { aborted, drop, pass, tx, redirect };

constexpr std::string_view to_text(Action action) {
    constexpr std::string_view kTexts[] = {"aborted", "drop", "pass", "tx", "redirect"};
    return kTexts[static_cast<size_t>(action)];
}

constexpr bool leaves(Action action) {
    return action == Action::tx || action == Action::redirect;
}

struct Replayed {
    Action action = Action::pass;
    std::optional<std::string> service{};
    std::optional<net::Ip> backend{};
    std::string reason;            // as a Verdict's (engine.h), or why the frame could not be replayed
    std::vector<uint8_t> frame{};  // as it would leave; of one that does not: as it came
};

/// Takes a whole frame.
using Replay = std::move_only_function<Result<Replayed>(std::span<const uint8_t> frame)>;

}  // namespace weir::engine
