// Which sequence numbers of a sender have come: none is taken twice (as RFC 4303, section 3.4.3), and those
// that never come are counted.
#pragma once

#include <bitset>
#include <cstdint>

namespace weir::sync {

class Window {
  public:
    static constexpr uint64_t kSize = 1024;

    /// All up to `seen` have come.
    explicit Window(uint64_t seen = 0) : highest_(seen) { came_.set(); }

    /// True once for each number; never for one that is kSize or more behind the highest.
    bool take(uint64_t number) {
        if (number > highest_) {
            advance(number);
            return true;
        }
        if (highest_ - number >= kSize || came_[number % kSize]) return false;
        came_.set(number % kSize);
        --lost_;
        return true;
    }

    uint64_t highest() const { return highest_; }
    /// Numbers below the highest that have not come; one that comes late is no longer among them.
    uint64_t lost() const { return lost_; }

  private:
    void advance(uint64_t number) {
        const uint64_t skipped = number - highest_ - 1;
        lost_ += skipped;
        if (skipped >= kSize)
            came_.reset();
        else
            for (uint64_t i = highest_ + 1; i < number; ++i) came_.reset(i % kSize);
        came_.set(number % kSize);
        highest_ = number;
    }

    uint64_t highest_;
    uint64_t lost_ = 0;
    std::bitset<kSize> came_;
};

}  // namespace weir::sync
