// A place among the connections that there may be at a time, of all services and of one. It is given back
// exactly once, whichever way its connection ends.
#pragma once

#include <expected>
#include <utility>

#include "engine/proxy/budget.h"
#include "engine/proxy/front.h"

namespace weir::engine::proxy {

class Room {
  public:
    Room() = default;
    Room(Room&& other) noexcept
        : shared_(std::exchange(other.shared_, nullptr)), budget_(std::exchange(other.budget_, nullptr)) {}
    Room& operator=(Room&& other) noexcept {
        std::swap(shared_, other.shared_);
        std::swap(budget_, other.budget_);
        return *this;
    }
    ~Room() {
        if (shared_) shared_->connections.fetch_sub(1, std::memory_order_relaxed);
        if (budget_) budget_->connections.fetch_sub(1, std::memory_order_relaxed);
    }

    /// Nothing where the limit is reached; `most` 0: any number. Both outlive it.
    static std::expected<Room, Reason> take(Shared& shared, Budget& budget, uint64_t most) {
        Room room;
        const auto limit = shared.max_connections.load(std::memory_order_relaxed);
        if (shared.connections.fetch_add(1, std::memory_order_relaxed) >= limit) {
            shared.connections.fetch_sub(1, std::memory_order_relaxed);
            return std::unexpected(Reason::engine_full);
        }
        room.shared_ = &shared;
        if (budget.connections.fetch_add(1, std::memory_order_relaxed) >= (most ? most : ~uint64_t{0})) {
            budget.connections.fetch_sub(1, std::memory_order_relaxed);
            return std::unexpected(Reason::service_full);
        }
        room.budget_ = &budget;
        return room;
    }

  private:
    Shared* shared_ = nullptr;
    Budget* budget_ = nullptr;
};

}  // namespace weir::engine::proxy
