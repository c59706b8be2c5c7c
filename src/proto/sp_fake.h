// A queue for tests of what stands above it: tokens come and go when the test says so.
#pragma once

#include <deque>
#include <utility>

#include "proto/sp.h"

namespace weir::proto::sp {

class FakePusher final : public Pusher {
  public:
    explicit FakePusher(PusherOrder order) : order_(std::move(order)) {}

    void wake() override { ++wakes_; }
    size_t consumers() const override { return consumers_; }

    /// A consumer can take one.
    std::optional<std::string> pull() { return order_.next(); }
    void set_consumers(size_t consumers) { consumers_ = consumers; }
    size_t wakes() const { return wakes_; }

  private:
    PusherOrder order_;
    size_t consumers_ = 0;
    size_t wakes_ = 0;
};

/// Beyond `hold` tokens stay with the generator, and come as there is room.
class FakePuller final : public Puller {
  public:
    explicit FakePuller(PullerOrder order) : order_(std::move(order)) {}

    std::optional<std::string> take() override {
        if (held_.empty()) return std::nullopt;
        auto token = std::move(held_.front());
        held_.pop_front();
        refill();
        return token;
    }
    void drop_all() override {
        held_.clear();
        ++drops_;
    }
    bool is_connected() const override { return connected_; }

    void push(std::string token) {
        waiting_.push_back(std::move(token));
        refill();
        if (order_.changed) order_.changed();
    }
    void connect(bool connected) {
        connected_ = connected;
        if (order_.changed) order_.changed();
    }
    size_t held() const { return held_.size(); }
    size_t drops() const { return drops_; }

  private:
    void refill() {
        for (; held_.size() < order_.hold && !waiting_.empty(); waiting_.pop_front())
            held_.push_back(std::move(waiting_.front()));
    }

    PullerOrder order_;
    std::deque<std::string> held_;
    std::deque<std::string> waiting_;
    bool connected_ = false;
    size_t drops_ = 0;
};

}  // namespace weir::proto::sp
