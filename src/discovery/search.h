// A source that is a coroutine: it asks a server, tells what it has found, and tries again after a failure.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <memory>
#include <random>
#include <string>
#include <string_view>

#include "base/backoff.h"
#include "discovery/source.h"

namespace weir::discovery {

/// Outlives its source until its coroutine has ended, and tells nobody then.
class Search {
  public:
    Search(const Surroundings& around, Listener& listener);
    virtual ~Search() = default;
    Search(const Search&) = delete;

    /// The source that runs it.
    static std::unique_ptr<Source> start(const Surroundings& around, std::shared_ptr<Search> search);

  protected:
    /// Does not return; ends when it is cancelled.
    virtual boost::asio::awaitable<void> run() = 0;

    /// The source goes: what is not part of the coroutine ends here.
    virtual void end() {}

    void found(Set set);
    /// The same, but a set of nothing but what is no backend does not say what there is, and is told as a
    /// failure. `where`: it was found, for that.
    void found(Set set, std::string_view where);
    /// Of failures in a row that say the same, the first is told.
    void failed(const Error& why);
    /// The last that was told is a failure.
    bool is_failing() const { return !failure_.empty(); }

    boost::asio::awaitable<void> wait(Clock::Duration span);
    /// Whoever waits now, waits no longer.
    void wake() noexcept { sleep_.wake(); }
    /// Before the next try: a second, doubled from try to try up to half a minute, and up to a quarter less,
    /// so that those who lost their server together do not all come back at once.
    boost::asio::awaitable<void> wait_for_next_try();
    /// It works again.
    void calm_down() { backoff_.reset(); }

    Clock& clock_;

  private:
    class Running;

    boost::asio::awaitable<void> begin();

    Listener* listener_;  // null: the source has gone
    std::string failure_;
    Sleep sleep_;
    Backoff backoff_{std::chrono::seconds(1), std::chrono::seconds(30)};
    std::minstd_rand chance_{std::random_device{}()};
    boost::asio::cancellation_signal cancel_;
};

}  // namespace weir::discovery
