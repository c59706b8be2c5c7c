// What an engine decided of one packet.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/ip.h"

namespace weir::engine {

/// As XDP has them.
enum class Action : uint8_t { aborted, drop, pass, tx, redirect };

constexpr std::string_view to_text(Action action) {
    constexpr std::string_view kTexts[] = {"aborted", "drop", "pass", "tx", "redirect"};
    return static_cast<size_t>(action) < std::size(kTexts) ? kTexts[static_cast<size_t>(action)] : "unknown";
}

constexpr bool leaves(Action action) {
    return action == Action::tx || action == Action::redirect;
}

struct Decision {
    Action action = Action::pass;
    std::optional<std::string> service{};  // that takes the packet, forwarded or not
    std::optional<net::Ip> backend{};      // of what is forwarded
    std::string reason;                    // as a Verdict's (engine.h)

    /// `tx, service web, backend 10.1.10.10, flow table`.
    std::string text() const {
        std::string text(to_text(action));
        if (service) text += ", service " + *service;
        if (backend) text += ", backend " + backend->text();
        return text + ", " + reason;
    }
    bool operator==(const Decision&) const = default;
};

}  // namespace weir::engine
