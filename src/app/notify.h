// What the daemon tells the service manager: sd_notify(3), nothing where none asks.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <string>

namespace weir::app {

void notify_ready(const std::string& status);
/// What is in force, when that has changed.
void notify_status(const std::string& status);
/// Before a reload; notify_ready() ends it.
void notify_reloading();
void notify_stopping();

/// Keeps the service manager's watchdog quiet for as long as the loop turns (WatchdogSec=).
class Watchdog {
  public:
    explicit Watchdog(const boost::asio::any_io_executor& executor);

  private:
    void again();

    boost::asio::steady_timer timer_;
    std::chrono::microseconds interval_{0};
};

}  // namespace weir::app
