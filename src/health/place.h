// How many programs checks may run at the same time.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <utility>

#include "base/clock.h"

namespace weir::health {

/// One of the places for programs that run at the same time. Given back when it goes.
class Place {
  public:
    static constexpr int kPlaces = 64;  // for all checks together

    /// An empty one if none is free by the deadline. Throws when cancelled. All are taken in one thread.
    static boost::asio::awaitable<Place> take(Clock& clock, Clock::Time deadline);

    explicit operator bool() const { return held_; }

    Place() = default;
    Place(Place&& other) noexcept : held_(std::exchange(other.held_, false)) {}
    Place& operator=(Place&&) = delete;
    ~Place();

  private:
    bool held_ = false;
};

}  // namespace weir::health
