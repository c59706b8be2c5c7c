#include "base/clock.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace weir {

namespace {

struct Pending {
    Pending(const boost::asio::any_io_executor& executor, Clock::Time due, std::function<void()> what)
        : timer(executor, due), call(std::move(what)) {}

    boost::asio::steady_timer timer;
    std::function<void()> call;
};

}  // namespace

Clock::Alarm SystemClock::at(Time due, std::function<void()> call) {
    auto pending = std::make_shared<Pending>(executor_, due, std::move(call));
    pending->timer.async_wait([weak = std::weak_ptr(pending)](boost::system::error_code cancelled) {
        auto alarm = weak.lock();  // the call may let go of its own alarm
        if (alarm && !cancelled) std::exchange(alarm->call, nullptr)();
    });
    return pending;
}

boost::asio::awaitable<void> Sleep::until(Clock& clock, Clock::Time due) {
    timer_.emplace(executor_, Clock::Time::max());
    auto alarm = clock.at(due, [this] { wake(); });
    co_await timer_->async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
}

}  // namespace weir
