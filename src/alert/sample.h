// Events for tests: of one service with backends 10.0.0.1, 10.0.0.2, …
#pragma once

#include <vector>

#include "alert/message.h"
#include "alert/settling.h"

namespace weir::alert {

inline const Time kStart{std::chrono::hours(1)};
inline const control::SystemTime kWallStart{std::chrono::seconds(1'795'299'296)};  // 2026-11-21 22:14:56 UTC
inline const Sender kSender{"oncall", "lb1", "0.1", 77};
inline const model::FrontendKey kFrontend{net::Ip::parse("192.0.2.1").value(), net::Port(80),
                                          model::Protocol::tcp};

inline control::Event backend_event(bool up, int number = 1) {
    auto address = "10.0.0." + std::to_string(number);
    return {up ? model::EventKind::backend_up : model::EventKind::backend_down,
            fmt::format("backend {} is {}", address, up ? "up" : "down"),
            "web",
            net::Ip::parse(address).value(),
            kFrontend,
            static_cast<uint64_t>(number),
            kWallStart};
}
inline control::Event down(int number = 1) {
    return backend_event(false, number);
}
inline control::Event up(int number = 1) {
    return backend_event(true, number);
}
inline control::Event event(model::EventKind kind, std::string message = "it happened") {
    return {kind, std::move(message), "", {}, {}, 9, kWallStart};
}

inline std::vector<std::string> texts(const std::vector<control::Event>& events) {
    std::vector<std::string> out;
    for (const auto& each : events) out.push_back(each.message);
    return out;
}

}  // namespace weir::alert
