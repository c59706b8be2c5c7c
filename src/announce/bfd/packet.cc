#include "announce/bfd/packet.h"

#include <algorithm>

#include "net/writer.h"

namespace weir::announce::bfd {
namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kLeastAuthentication = 2;  // its type and length

// The second byte, behind the two bits of the state.
constexpr uint8_t kPoll = 0x20, kFinal = 0x10, kIndependent = 0x08, kAuthentication = 0x04, kDemand = 0x02,
                  kMultipoint = 0x01;

uint32_t u32(std::span<const uint8_t, kPacketSize> bytes, size_t at) {
    uint32_t value = 0;
    for (auto byte : bytes.subspan(at, 4)) value = value << 8 | byte;
    return value;
}

uint32_t on_wire(Interval interval) {
    return static_cast<uint32_t>(std::clamp<Interval::rep>(interval.count(), 0, UINT32_MAX));
}

}  // namespace

std::string_view to_text(State state) {
    constexpr std::string_view kNames[] = {"admin_down", "down", "init", "up"};
    return kNames[static_cast<size_t>(state)];
}

std::string_view to_text(Diagnostic diagnostic) {
    constexpr std::string_view kNames[] = {"none",
                                           "detection_time_expired",
                                           "echo_failed",
                                           "neighbor_down",
                                           "forwarding_plane_reset",
                                           "path_down",
                                           "concatenated_path_down",
                                           "administratively_down",
                                           "reverse_concatenated_path_down"};
    const auto number = static_cast<size_t>(diagnostic);
    return number < std::size(kNames) ? kNames[number] : "unknown";
}

std::expected<Packet, Refusal> read(std::span<const uint8_t> bytes) {
    if (bytes.size() < kPacketSize) return std::unexpected(Refusal::length);
    const auto fixed = bytes.first<kPacketSize>();
    const uint8_t flags = fixed[1], length = fixed[3];
    const size_t least = kPacketSize + (flags & kAuthentication ? kLeastAuthentication : 0);
    if (fixed[0] >> 5 != kVersion) return std::unexpected(Refusal::version);
    if (length < least || length > bytes.size()) return std::unexpected(Refusal::length);
    Packet packet{.diagnostic = static_cast<Diagnostic>(fixed[0] & 0x1f),
                  .state = static_cast<State>(flags >> 6),
                  .poll = (flags & kPoll) != 0,
                  .final = (flags & kFinal) != 0,
                  .control_plane_independent = (flags & kIndependent) != 0,
                  .demand = (flags & kDemand) != 0,
                  .multiplier = fixed[2],
                  .mine = u32(fixed, 4),
                  .yours = u32(fixed, 8),
                  .desired_min_tx = Interval(u32(fixed, 12)),
                  .required_min_rx = Interval(u32(fixed, 16)),
                  .required_min_echo_rx = Interval(u32(fixed, 20))};
    if (packet.multiplier == 0) return std::unexpected(Refusal::multiplier);
    if (flags & kMultipoint) return std::unexpected(Refusal::multipoint);
    if (packet.mine == 0) return std::unexpected(Refusal::my_discriminator);
    // Who does not know the session yet cannot have got further in it.
    if (packet.yours == 0 && packet.state > State::down) return std::unexpected(Refusal::your_discriminator);
    if (flags & kAuthentication) return std::unexpected(Refusal::authentication);
    return packet;
}

std::array<uint8_t, kPacketSize> write(const Packet& packet) {
    unsigned flags = static_cast<unsigned>(packet.state) << 6;
    if (packet.poll) flags |= kPoll;
    if (packet.final) flags |= kFinal;
    if (packet.control_plane_independent) flags |= kIndependent;
    if (packet.demand) flags |= kDemand;
    const auto bytes = net::Writer()
                           .u8(kVersion << 5 | static_cast<unsigned>(packet.diagnostic))
                           .u8(flags)
                           .u8(packet.multiplier)
                           .u8(kPacketSize)
                           .u32(packet.mine)
                           .u32(packet.yours)
                           .u32(on_wire(packet.desired_min_tx))
                           .u32(on_wire(packet.required_min_rx))
                           .u32(on_wire(packet.required_min_echo_rx))
                           .take();
    std::array<uint8_t, kPacketSize> out{};
    std::ranges::copy(bytes, out.begin());
    return out;
}

}  // namespace weir::announce::bfd
