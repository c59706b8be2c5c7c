// The internet checksum of RFC 1071: the one's complement of the one's complement sum of 16-bit words.
#pragma once

#include <cstdint>
#include <span>

namespace weir::net {

class Checksum {
  public:
    /// The bytes follow those added before; an odd number is fine anywhere.
    Checksum& add(std::span<const uint8_t> bytes);
    /// To be stored with the high byte first. Over data that contain their right checksum: 0.
    uint16_t value() const;

  private:
    uint64_t sum_ = 0;
    bool odd_ = false;  // the next byte is the low one of its word
};

}  // namespace weir::net
