#include "health/place.h"

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>
#include <list>

namespace weir::health {

namespace asio = boost::asio;

namespace {

class Turn;

struct Places {
    void wake_next();

    int free = Place::kPlaces;
    std::list<Turn*> waiting;
};
Places places;

/// A coroutine's turn in the queue.
class Turn {
  public:
    explicit Turn(const asio::any_io_executor& executor)
        : sleep(executor), at_(places.waiting.insert(places.waiting.end(), this)) {}
    Turn(const Turn&) = delete;
    ~Turn() {
        places.waiting.erase(at_);
        places.wake_next();
    }

    Sleep sleep;

  private:
    std::list<Turn*>::iterator at_;
};

void Places::wake_next() {
    if (free > 0 && !waiting.empty()) waiting.front()->sleep.wake();
}

}  // namespace

asio::awaitable<Place> Place::take(Clock& clock, Clock::Time deadline) {
    auto executor = co_await asio::this_coro::executor;
    while (places.free == 0) {
        Turn turn(executor);
        co_await turn.sleep.until(clock, deadline);
        auto cancellation = co_await asio::this_coro::cancellation_state;
        if (cancellation.cancelled() != asio::cancellation_type::none)
            throw boost::system::system_error(asio::error::operation_aborted);
        if (clock.now() >= deadline) co_return Place();
    }
    places.free--;
    Place taken;
    taken.held_ = true;
    co_return taken;
}

Place::~Place() {
    if (!held_) return;
    places.free++;
    places.wake_next();
}

}  // namespace weir::health
