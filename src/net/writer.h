// Bytes of a packet one after another, numbers in network order.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace weir::net {

class Writer {
  public:
    Writer& u8(unsigned value) {
        bytes_.push_back(static_cast<uint8_t>(value));
        return *this;
    }
    Writer& u16(unsigned value) { return u8(value >> 8).u8(value); }
    Writer& u32(uint32_t value) { return u16(value >> 16).u16(value); }
    Writer& zeros(size_t count) {
        bytes_.resize(bytes_.size() + count);
        return *this;
    }
    Writer& bytes(std::span<const uint8_t> more) {
        bytes_.insert(bytes_.end(), more.begin(), more.end());
        return *this;
    }
    /// In the place of what is there.
    void put_u16(size_t at, unsigned value) {
        bytes_[at] = static_cast<uint8_t>(value >> 8);
        bytes_[at + 1] = static_cast<uint8_t>(value);
    }

    size_t size() const { return bytes_.size(); }
    std::span<const uint8_t> from(size_t start) const { return std::span(bytes_).subspan(start); }
    std::vector<uint8_t> take() { return std::move(bytes_); }

  private:
    std::vector<uint8_t> bytes_;
};

}  // namespace weir::net
