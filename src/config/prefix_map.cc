#include "config/prefix_map.h"

#include <algorithm>

namespace weir::config {

net::Prefix around(const net::Ip& ip, uint8_t length) {
    std::array<uint8_t, 16> bytes{};
    std::ranges::copy(ip.bytes(), bytes.begin());
    for (size_t i = 0; i < bytes.size(); i++) {
        auto kept = std::clamp(static_cast<int>(length) - static_cast<int>(8 * i), 0, 8);
        bytes[i] &= static_cast<uint8_t>(0xff00 >> kept);
    }
    if (ip.is_v4()) return {net::Ip::v4({bytes[0], bytes[1], bytes[2], bytes[3]}), length};
    return {net::Ip::v6(bytes), length};
}

std::string short_text(const net::Prefix& prefix) {
    return net::free_bits(prefix) == 0 ? prefix.address.text() : prefix.text();
}

bool overlap(const net::Prefix& one, const net::Prefix& other) {
    return one.contains(other.address) || other.contains(one.address);
}

}  // namespace weir::config
