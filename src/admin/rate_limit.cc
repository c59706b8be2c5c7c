#include "admin/rate_limit.h"

#include <algorithm>

namespace weir::admin {

double RateLimit::left_in(const Bucket& bucket, Time now) const {
    auto away = std::chrono::duration<double>(now - bucket.at).count();
    return std::min(rate_.burst, bucket.left + std::max(away, 0.0) * rate_.per_second);
}

RateLimit::Duration RateLimit::until_one(double left) const {
    if (left >= 1) return Duration::zero();
    std::chrono::duration<double> missing((1 - left) / rate_.per_second);
    return std::max(std::chrono::duration_cast<Duration>(missing), Duration(1));
}

RateLimit::Duration RateLimit::wait(std::string_view client, Time now) const {
    auto found = by_client_.find(client);
    return found == by_client_.end() ? Duration::zero() : until_one(left_in(*found->second, now));
}

RateLimit::Duration RateLimit::take(std::string_view client, Time now) {
    auto found = by_client_.find(client);
    if (found != by_client_.end()) {
        auto& bucket = *found->second;
        bucket.left = left_in(bucket, now);
        bucket.at = now;
        buckets_.splice(buckets_.begin(), buckets_, found->second);
    } else {
        if (buckets_.size() >= most_) {
            by_client_.erase(buckets_.back().client);
            buckets_.pop_back();
        }
        buckets_.push_front({std::string(client), rate_.burst, now});
        by_client_.emplace(buckets_.front().client, buckets_.begin());
    }
    auto& left = buckets_.front().left;
    auto wait = until_one(left);
    if (wait == Duration::zero()) left -= 1;
    return wait;
}

}  // namespace weir::admin
