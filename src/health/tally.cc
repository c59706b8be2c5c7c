#include "health/tally.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

namespace weir::health {

bool Tally::add(bool ok, const model::Check& check) {
    assert(check.history > 0);
    if (seen_.size() >= check.history)
        seen_.erase(seen_.begin(), seen_.end() - static_cast<long>(check.history) + 1);
    seen_.push_back(ok);
    if (ok == up_ || towards_change(check) < (up_ ? check.fall : check.rise)) return false;
    up_ = ok;
    seen_.clear();
    return true;
}

std::string Tally::progress(const model::Check& check) const {
    auto count = towards_change(check);
    if (count == 0) return "";
    return up_ ? fmt::format("{}/{} DOWN", std::min(count, check.fall), check.fall)
               : fmt::format("{}/{} UP", std::min(count, check.rise), check.rise);
}

/// While up the failures in the window; while down its passes after the failure that completes `fall`.
unsigned Tally::towards_change(const model::Check& check) const {
    unsigned passed = 0;
    unsigned failed = 0;
    auto oldest = seen_.size() > check.history ? seen_.rbegin() + check.history : seen_.rend();
    for (auto outcome = seen_.rbegin(); outcome != oldest; ++outcome) {
        (*outcome ? passed : failed)++;
        if (!up_ && failed >= check.fall) break;
    }
    return up_ ? failed : passed;
}

}  // namespace weir::health
