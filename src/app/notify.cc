#include "app/notify.h"

#include <systemd/sd-daemon.h>

#include <algorithm>
#include <ctime>

namespace weir::app {

namespace {

/// A line is an assignment to the service manager.
std::string in_a_line(std::string text) {
    std::ranges::replace(text, '\n', ' ');
    return text;
}

}  // namespace

void notify_ready(const std::string& status) {
    sd_notifyf(0, "READY=1\nSTATUS=%s", in_a_line(status).c_str());
}

void notify_status(const std::string& status) {
    sd_notifyf(0, "STATUS=%s", in_a_line(status).c_str());
}

void notify_reloading() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    auto microseconds = static_cast<unsigned long long>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000;
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu", microseconds);
}

void notify_stopping() {
    sd_notify(0, "STOPPING=1");
}

Watchdog::Watchdog(const boost::asio::any_io_executor& executor) : timer_(executor) {
    uint64_t limit = 0;
    if (sd_watchdog_enabled(0, &limit) <= 0) return;
    interval_ = std::chrono::microseconds(limit / 2);
    again();
}

void Watchdog::again() {
    sd_notify(0, "WATCHDOG=1");
    timer_.expires_after(interval_);
    timer_.async_wait([this](boost::system::error_code error) {
        if (!error) again();
    });
}

}  // namespace weir::app
