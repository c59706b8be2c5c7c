// How often each of many clients may come: a token bucket a client. Bounded memory: who has been away longest
// is forgotten first, and may then come as often as somebody new.
#pragma once

#include <chrono>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

namespace weir::admin {

struct Rate {
    double per_second = 1;
    double burst = 1;  // at least 1
};

class RateLimit {
  public:
    using Time = std::chrono::steady_clock::time_point;
    using Duration = std::chrono::nanoseconds;

    explicit RateLimit(Rate rate, size_t most_clients = 4096) : rate_(rate), most_(most_clients) {}

    /// How long the client has to wait; zero: it may come now.
    Duration wait(std::string_view client, Time now) const;

    /// As wait(). One that may come has come.
    Duration take(std::string_view client, Time now);

    size_t clients() const { return buckets_.size(); }

  private:
    struct Bucket {
        std::string client;
        double left;
        Time at;
    };
    double left_in(const Bucket& bucket, Time now) const;
    Duration until_one(double left) const;

    Rate rate_;
    size_t most_;
    std::list<Bucket> buckets_;  // who came last is the first
    std::unordered_map<std::string_view, std::list<Bucket>::iterator> by_client_;
};

}  // namespace weir::admin
