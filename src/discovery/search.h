// A source that is a coroutine: it asks a server, tells what it has found, and tries again after a failure.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <memory>
#include <string_view>

#include "discovery/report.h"

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

    /// A set of nothing but what is no backend does not say what there is, so it is told as a failure.
    /// `where`: it was found, for that.
    void found(Set set, std::string_view where);
    void failed(const Error& why) { report_.failed(why); }

    boost::asio::awaitable<void> wait(Clock::Duration span);
    boost::asio::awaitable<void> wait_for_next_try();
    /// It works again.
    void calm_down() { pauses_.reset(); }

    Clock& clock_;

  private:
    class Running;

    boost::asio::awaitable<void> begin();

    Report report_;
    bool is_stopped_ = false;
    Pauses pauses_;
    Sleep sleep_;
    boost::asio::cancellation_signal cancel_;
};

}  // namespace weir::discovery
