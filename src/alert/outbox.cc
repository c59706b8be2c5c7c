#include "alert/outbox.h"

#include <algorithm>
#include <utility>

namespace weir::alert {

void Outbox::add(Event event) {
    if (waiting_.size() == kMost) {
        waiting_.pop_front();
        ++dropped_;
    }
    waiting_.push_back(std::move(event));
}

std::optional<Message> Outbox::take_all() {
    if (waiting_.empty()) return std::nullopt;
    auto all = std::exchange(waiting_, {});
    if (all.size() > 1) gathered_ += all.size();
    return message_of({std::move_iterator(all.begin()), std::move_iterator(all.end())});
}

std::optional<Message> Outbox::take(Time now) {
    if (waiting_.empty()) return std::nullopt;
    spent_until_ = std::max(spent_until_, now - std::chrono::minutes(1));
    auto tokens = static_cast<size_t>((now - spent_until_) / step());
    if (tokens == 0) return std::nullopt;
    spent_until_ += step();
    if (tokens < waiting_.size()) return take_all();
    auto event = std::move(waiting_.front());
    waiting_.pop_front();
    return message_of({std::move(event)});
}

std::optional<Time> Outbox::next() const {
    if (waiting_.empty()) return std::nullopt;
    return spent_until_ + step();
}

}  // namespace weir::alert
