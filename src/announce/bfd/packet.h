// The BFD control packet as a value: RFC 5880 section 4.1, and what section 6.8.6 demands of a packet by
// itself. Pure.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <expected>
#include <span>
#include <string_view>

namespace weir::announce::bfd {

using Interval = std::chrono::microseconds;  // as on the wire

/// As numbered on the wire.
enum class State : uint8_t { admin_down, down, init, up };

/// Why a state was left last, as numbered on the wire. Others may come from newer peers.
enum class Diagnostic : uint8_t {
    none,
    detection_time_expired,
    echo_failed,
    neighbor_down,
    forwarding_plane_reset,
    path_down,
    concatenated_path_down,
    administratively_down,
    reverse_concatenated_path_down,
};

std::string_view to_text(State state);
std::string_view to_text(Diagnostic diagnostic);

struct Packet {
    Diagnostic diagnostic = Diagnostic::none;
    State state = State::down;
    bool poll = false;
    bool final = false;
    bool control_plane_independent = false;
    bool demand = false;
    uint8_t multiplier = 0;
    uint32_t mine = 0;   // the sender's discriminator
    uint32_t yours = 0;  // the receiver's; 0: not known yet
    Interval desired_min_tx{0};
    Interval required_min_rx{0};  // 0: nothing is to be sent periodically
    Interval required_min_echo_rx{0};

    bool operator==(const Packet&) const = default;
};

/// Why a packet is not taken; announce/bgp_report.h has the words. hop_limit and, where it is of another
/// session, your_discriminator are seen by those who know the session.
enum class Refusal : uint8_t {
    hop_limit,
    length,
    version,
    multiplier,
    multipoint,
    authentication,  // weir's sessions have none, so none may be used
    my_discriminator,
    your_discriminator,
};

inline constexpr size_t kPacketSize = 24;

std::expected<Packet, Refusal> read(std::span<const uint8_t> bytes);
std::array<uint8_t, kPacketSize> write(const Packet& packet);

}  // namespace weir::announce::bfd
