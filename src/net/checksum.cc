#include "net/checksum.h"

namespace weir::net {

Checksum& Checksum::add(std::span<const uint8_t> bytes) {
    for (uint8_t byte : bytes) {
        sum_ += odd_ ? byte : uint32_t{byte} << 8;
        odd_ = !odd_;
    }
    return *this;
}

uint16_t Checksum::value() const {
    uint64_t sum = sum_;
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<uint16_t>(~sum);
}

}  // namespace weir::net
