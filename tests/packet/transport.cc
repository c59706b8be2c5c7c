#include "tests/packet/transport.h"

#include "net/checksum.h"

namespace weir::engine::xdp {
namespace {

struct Layout {
    size_t addresses, address_bytes, transport, end;
    uint8_t protocol;

    size_t checksum() const {
        return transport + (protocol == net::kTcp ? 16 : protocol == net::kUdp ? 6 : 2);
    }
};

Layout layout_of(const Bytes& frame) {
    size_t ip = frame[12] == 0x81 ? 18 : 14;
    if (frame[ip] >> 4 == 6) return {ip + 8, 32, ip + 40, frame.size(), frame[ip + 6]};
    return {ip + 12, 8, ip + (frame[ip] & 0xfu) * 4, frame.size(), frame[ip + 9]};
}

net::Checksum pseudo(const Bytes& frame, const Layout& at) {
    size_t length = at.end - at.transport;
    const uint8_t tail[] = {0, at.protocol, static_cast<uint8_t>(length >> 8), static_cast<uint8_t>(length)};
    return net::Checksum().add(std::span(frame).subspan(at.addresses, at.address_bytes)).add(tail);
}

}  // namespace

uint16_t checksum_of(const Bytes& frame) {
    auto at = layout_of(frame).checksum();
    return static_cast<uint16_t>(frame[at] << 8 | frame[at + 1]);
}

void set_checksum(Bytes& frame, uint16_t value) {
    auto at = layout_of(frame).checksum();
    frame[at] = static_cast<uint8_t>(value >> 8);
    frame[at + 1] = static_cast<uint8_t>(value);
}

uint16_t whole_checksum(const Bytes& frame) {
    auto at = layout_of(frame);
    auto blank = frame;
    set_checksum(blank, 0);
    auto sum = pseudo(blank, at).add(std::span(blank).subspan(at.transport)).value();
    return at.protocol == net::kUdp && sum == 0 ? 0xffff : sum;
}

uint16_t pseudo_sum(const Bytes& frame) {
    return static_cast<uint16_t>(~pseudo(frame, layout_of(frame)).value());
}

void make_sum_all_ones(Bytes& frame, size_t before_end) {
    auto at = frame.end() - static_cast<long>(before_end);
    at[0] = at[1] = 0;
    auto missing = whole_checksum(frame);
    at[0] = static_cast<uint8_t>(missing >> 8);
    at[1] = static_cast<uint8_t>(missing);
    set_checksum(frame, whole_checksum(frame));
}

}  // namespace weir::engine::xdp
