// Received bytes one after another, numbers in network order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace weir::net {

/// Behind the end there are zeros, and failed() is true from then on.
class Reader {
  public:
    explicit Reader(std::span<const uint8_t> bytes) : left_(bytes) {}

    uint8_t u8() { return number<uint8_t>(); }
    uint16_t u16() { return number<uint16_t>(); }
    uint32_t u32() { return number<uint32_t>(); }
    uint64_t u64() { return number<uint64_t>(); }
    std::span<const uint8_t> take(size_t count) {
        failed_ = failed_ || count > left_.size();
        if (failed_) return {};
        auto taken = left_.first(count);
        left_ = left_.subspan(count);
        return taken;
    }
    std::span<const uint8_t> rest() { return take(left_.size()); }

    size_t left() const { return failed_ ? 0 : left_.size(); }
    bool failed() const { return failed_; }

  private:
    template <class Number>
    Number number() {
        Number value = 0;
        for (auto byte : take(sizeof value)) value = static_cast<Number>(value << 8 | byte);
        return value;
    }

    std::span<const uint8_t> left_;
    bool failed_ = false;
};

}  // namespace weir::net
