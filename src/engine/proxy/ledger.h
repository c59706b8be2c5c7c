// What one connection, or session, adds to the tallies of its frontend and of its target: it is active for as
// long as this lives. In the worker's thread, whose own tallies they are.
#pragma once

#include <memory>
#include <utility>

#include "engine/proxy/snapshot.h"

namespace weir::engine::proxy {

enum class Direction : uint8_t { to_backend, to_client };

class Ledger {
  public:
    Ledger() = default;
    Ledger(const std::shared_ptr<Tallies>& frontend, const std::shared_ptr<Tallies>& target, size_t worker)
        : frontend_(frontend, &frontend->by_worker[worker]), target_(target, &target->by_worker[worker]) {
        add(&Tally::active, 1);
    }
    Ledger(Ledger&&) = default;
    Ledger& operator=(Ledger&& other) noexcept {
        std::swap(frontend_, other.frontend_);
        std::swap(target_, other.target_);
        return *this;
    }
    ~Ledger() {
        if (target_) add(&Tally::active, ~uint64_t{0});
    }

    /// The backend has taken the connection.
    void taken() {
        add(&Tally::total, 1);
        if (target_->in_a_row.load(std::memory_order_relaxed) != 0)
            target_->in_a_row.store(0, std::memory_order_relaxed);
    }
    void failed() {
        add(&Tally::failed, 1);
        increase(target_->in_a_row, 1);
    }
    void carried(Direction direction, uint64_t bytes, uint64_t packets) {
        add(direction == Direction::to_backend ? &Tally::in_bytes : &Tally::out_bytes, bytes);
        if (direction == Direction::to_backend) add(&Tally::in_packets, packets);
    }

  private:
    using Counter = std::atomic<uint64_t>;

    /// One thread writes: this needs no locked instruction.
    static void increase(Counter& counter, uint64_t by) {
        counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
    }
    void add(Counter Tally::* counter, uint64_t by) {
        increase((*frontend_).*counter, by);
        increase((*target_).*counter, by);
    }

    std::shared_ptr<Tally> frontend_;
    std::shared_ptr<Tally> target_;
};

}  // namespace weir::engine::proxy
