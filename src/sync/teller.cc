#include "sync/teller.h"

#include <algorithm>
#include <bit>

namespace weir::sync {
namespace {

constexpr size_t kChunk = 1024;  // buckets between two looks at the limits

}  // namespace

void pack(std::vector<model::ToldFlow>& told, size_t buckets,
          const std::function<void(const FlowsWriter::Body& body)>& send) {
    // By place, which is as good as by value: one target has one place as long as nothing is applied.
    std::ranges::sort(told, {}, &model::ToldFlow::target);
    FlowsWriter writer(static_cast<unsigned>(std::bit_width(buckets) - 1));
    for (const auto& each : told) writer.add(*each.target, each.flow);
    for (const auto& body : writer.take()) send(body);
    told.clear();
}

/// Of the buckets, for the time that has passed.
size_t Teller::share(Time now) {
    const auto passed = last_step_ ? now - *last_step_ : Time::duration(0);
    last_step_ = now;
    const auto wanted = static_cast<double>(buckets_) * std::chrono::duration<double>(passed).count() /
                        std::chrono::duration<double>(kPass).count();
    return std::min({buckets_, kMostBuckets, static_cast<size_t>(wanted) + 1});
}

void Teller::step(Outbox& outbox, Time now) {
    if (store_.buckets() != buckets_) {
        buckets_ = store_.buckets();
        next_ = 0;
        pass_began_ = now;
    }
    auto left = share(now);
    while (left > 0 && buckets_ > 0 && told_.size() < kMostFlows && !outbox.is_full()) {
        const auto count = std::min({left, kChunk, buckets_ - next_});
        store_.read_changes(next_, count, told_);
        next_ += count;
        left -= count;
        if (next_ == buckets_) went_round(now);
    }
    if (!told_.empty())
        pack(told_, buckets_, [&](const auto& body) { outbox.to_all(Type::flows, body.bytes, body.flows); });
}

void Teller::went_round(Time now) {
    next_ = 0;
    pass_ = std::chrono::duration_cast<std::chrono::milliseconds>(now - pass_began_);
    pass_began_ = now;
}

}  // namespace weir::sync
