#include "alert/post.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace weir::alert {

using control::Suppressed;

Post::Post(const model::Alert& alert, Chance chance) : outbox_(alert.rate), chance_(std::move(chance)) {
    settling_.set(alert);
}

void Post::set(const model::Alert& alert) {
    settling_.set(alert);
    outbox_.set_rate(alert.rate);
    backoff_.reset();
    failing_since_.reset();
    row_.error.clear();
    interrupt();
}

void Post::collect(std::vector<Event> events) {
    for (auto& event : events) outbox_.add(std::move(event));
}

/// What has settled by now is not to be taken for a part of what comes.
void Post::hear(const Event& event, Time now) {
    collect(settling_.take(now));
    settling_.hear(event, now);
    collect(settling_.take(now));
}

void Post::interrupt() {
    if (message_) again_at_ = Time::min();
}

std::shared_ptr<const Message> Post::next(Time now) {
    collect(settling_.take(now));
    if (message_) {
        if (!again_at_ || *again_at_ > now) return nullptr;
        again_at_.reset();
        return message_;
    }
    auto message = finishing_ ? outbox_.take_all() : outbox_.take(now);
    if (!message) return nullptr;
    message_ = std::make_shared<const Message>(*std::move(message));
    made_at_ = now;
    return message_;
}

void Post::take(const Delivery& delivery, Time now) {
    if (delivery.ok()) {
        ++row_.sent_total;
        row_.error.clear();
        failing_since_.reset();
        backoff_.reset();
        message_.reset();
        return;
    }
    if (!failing_since_) failing_since_ = now;
    row_.error = delivery.failure;
    if (!delivery.again || now - made_at_ >= kOldest) return give_up();
    if (finishing_) {
        std::ranges::copy(message_->events, std::back_inserter(left_));
        message_.reset();
        return;
    }
    auto delay = std::chrono::duration_cast<Time::duration>(backoff_.next() * (0.5 + chance_() / 2));
    if (delivery.wait) delay = std::max<Time::duration>(delay, std::min(*delivery.wait, kLongestWait));
    again_at_ = now + delay;
}

void Post::give_up() {
    ++row_.failed_total;
    message_.reset();
    again_at_.reset();
}

std::optional<Time> Post::wake_at() const {
    auto settled = settling_.next();
    auto sent = message_ ? again_at_ : outbox_.next();
    if (!settled || !sent) return settled ? settled : sent;
    return std::min(*settled, *sent);
}

void Post::finish(Time now) {
    collect(settling_.take_all(now));
    finishing_ = true;
    if (again_at_) interrupt();
}

std::vector<Event> Post::unsent() const {
    auto events = left_;
    if (message_) std::ranges::copy(message_->events, std::back_inserter(events));
    std::ranges::copy(outbox_.waiting(), std::back_inserter(events));
    return events;
}

control::AlertRow Post::row() const {
    auto row = row_;
    row.suppressed_total = settling_.suppressed();
    row.suppressed_total[static_cast<size_t>(Suppressed::gathered)] = outbox_.gathered();
    row.suppressed_total[static_cast<size_t>(Suppressed::dropped)] = outbox_.dropped();
    row.waiting = outbox_.size() + (message_ ? message_->events.size() : 0);
    return row;
}

}  // namespace weir::alert
