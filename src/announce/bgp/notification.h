// What ends a session: the NOTIFICATION message, as a value and in words. RFC 4271 section 4.5 and 6, 4486,
// 9003 and 9384 (Cease), 6608 (errors of the state machine), 7313 (route refresh), 9687 (send hold timer).
#pragma once

#include <string>
#include <string_view>

#include "announce/bgp/wire.h"

namespace weir::announce::bgp {

enum class ErrorCode : uint8_t {
    header = 1,
    open = 2,
    update = 3,
    hold_timer = 4,
    state_machine = 5,
    cease = 6,
    route_refresh = 7,
    send_hold_timer = 8,
};

namespace header_error {
inline constexpr uint8_t kNotSynchronized = 1, kBadLength = 2, kBadType = 3;
}
namespace open_error {
inline constexpr uint8_t kUnspecific = 0, kVersion = 1, kPeerAs = 2, kIdentifier = 3, kParameter = 4,
                         kHoldTime = 6, kCapability = 7;
}
namespace update_error {
inline constexpr uint8_t kMalformedList = 1, kUnknownWellKnown = 2, kOptionalAttribute = 9, kNetwork = 10;
}
namespace cease {
inline constexpr uint8_t kShutdown = 2, kDeconfigured = 3, kReset = 4, kRejected = 5,
                         kConfigurationChange = 6, kCollision = 7, kBfdDown = 10;
}

struct Notification {
    ErrorCode code = ErrorCode::cease;
    uint8_t subcode = 0;
    Bytes data{};

    bool operator==(const Notification&) const = default;
};

/// Why a message is refused: what the peer is told, and what the operator is.
struct Refusal {
    Notification notification;
    std::string why{};

    bool operator==(const Refusal&) const = default;
};
template <class T>
using Decoded = std::expected<T, Refusal>;

inline std::unexpected<Refusal> refuse(ErrorCode code, uint8_t subcode, std::string why, Bytes data = {}) {
    return std::unexpected(Refusal{{code, subcode, std::move(data)}, std::move(why)});
}

/// Cease with a text for the peer's operator (RFC 9003), which is cut to what fits.
Notification cease_with_text(uint8_t subcode, std::string_view text);

/// "OPEN error, bad peer AS"; with the peer's own words where it sent some, made harmless for a log.
std::string describe(const Notification& notification);

/// What the operator here can do about it when the peer sent it; "" where there is nothing to say.
std::string_view advice(const Notification& received);

Bytes write(const Notification& notification);
/// Of the message's body.
Notification read_notification(std::span<const uint8_t> body);

}  // namespace weir::announce::bgp
