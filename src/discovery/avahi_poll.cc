#include "discovery/avahi_poll.h"

#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>

#include "base/unique_fd.h"

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr short kTrouble = POLLERR | POLLHUP | POLLNVAL;  // comes unasked for, as of poll(2)

const asio::any_io_executor& executor_of(const AvahiPoll* api) {
    return *static_cast<const asio::any_io_executor*>(api->userdata);
}

}  // namespace

/// A descriptor that is waited for. It lives until it is freed and what asio has begun for it is over.
struct AvahiWatch : std::enable_shared_from_this<AvahiWatch> {
    /// D-Bus has two watches of one descriptor, one to read and one to write, of which asio takes only one:
    /// each has a duplicate of its own.
    AvahiWatch(const AvahiPoll* api, int watched, AvahiWatchEvent events, AvahiWatchCallback call, void* user)
        : descriptor(executor_of(api)), fd(watched), wanted(events), callback(call), userdata(user) {
        weir::UniqueFd own(::fcntl(watched, F_DUPFD_CLOEXEC, 0));
        error_code error;
        if (own) descriptor.assign(own.get(), error);
        if (own && !error) own.release();
    }

    void wait() {
        error_code ignored;
        descriptor.cancel(ignored);
        ++round;
        if (wanted & AVAHI_WATCH_IN) wait_for(asio::posix::stream_descriptor::wait_read);
        if (wanted & AVAHI_WATCH_OUT) wait_for(asio::posix::stream_descriptor::wait_write);
        wait_for(asio::posix::stream_descriptor::wait_error);
    }

    void wait_for(asio::posix::stream_descriptor::wait_type what) {
        descriptor.async_wait(what, [watch = shared_from_this(), begun = round](error_code error) {
            if (!error && watch->self && watch->round == begun) watch->look();
        });
    }

    void look() {
        const auto watch = shared_from_this();  // the callback may free it
        pollfd now{descriptor.native_handle(), static_cast<short>(wanted), 0};
        if (::poll(&now, 1, 0) > 0) {
            happened = now.revents & (wanted | kTrouble);
            callback(this, fd, static_cast<AvahiWatchEvent>(happened), userdata);
            happened = 0;
        }
        if (self) wait();
    }

    std::shared_ptr<AvahiWatch> self;  // until it is freed
    asio::posix::stream_descriptor descriptor;
    const int fd;
    int wanted;
    int happened = 0;
    unsigned round = 0;  // what was begun before the last update does not count
    AvahiWatchCallback callback;
    void* userdata;
};

/// A call at a time of day.
struct AvahiTimeout : std::enable_shared_from_this<AvahiTimeout> {
    AvahiTimeout(const AvahiPoll* api, AvahiTimeoutCallback call, void* user)
        : timer(executor_of(api)), callback(call), userdata(user) {}

    void set(const timeval* due) {
        ++round;
        timer.cancel();
        if (!due) return;
        using namespace std::chrono;
        const auto at = system_clock::time_point(seconds(due->tv_sec) + microseconds(due->tv_usec));
        timer.expires_after(std::max(at - system_clock::now(), system_clock::duration(0)));
        timer.async_wait([timeout = shared_from_this(), begun = round](error_code error) {
            if (!error && timeout->self && timeout->round == begun)
                timeout->callback(timeout.get(), timeout->userdata);
        });
    }

    std::shared_ptr<AvahiTimeout> self;  // until it is freed
    asio::steady_timer timer;
    unsigned round = 0;  // as above
    AvahiTimeoutCallback callback;
    void* userdata;
};

namespace {

AvahiWatch* new_watch(const AvahiPoll* api, int fd, AvahiWatchEvent events, AvahiWatchCallback callback,
                      void* userdata) {
    auto watch = std::make_shared<AvahiWatch>(api, fd, events, callback, userdata);
    if (!watch->descriptor.is_open()) return nullptr;
    watch->self = watch;
    watch->wait();
    return watch.get();
}

void update_watch(AvahiWatch* watch, AvahiWatchEvent events) {
    watch->wanted = events;
    watch->wait();
}

AvahiWatchEvent events_of(AvahiWatch* watch) {
    return static_cast<AvahiWatchEvent>(watch->happened);
}

void free_watch(AvahiWatch* watch) {
    const auto last = std::move(watch->self);
    error_code ignored;
    watch->descriptor.close(ignored);
}

AvahiTimeout* new_timeout(const AvahiPoll* api, const timeval* due, AvahiTimeoutCallback callback,
                          void* userdata) {
    auto timeout = std::make_shared<AvahiTimeout>(api, callback, userdata);
    timeout->self = timeout;
    timeout->set(due);
    return timeout.get();
}

void update_timeout(AvahiTimeout* timeout, const timeval* due) {
    timeout->set(due);
}

void free_timeout(AvahiTimeout* timeout) {
    const auto last = std::move(timeout->self);
    timeout->timer.cancel();
}

}  // namespace

namespace weir::discovery {

AsioPoll::AsioPoll(asio::any_io_executor executor)
    : executor_(std::move(executor)), api_{&executor_, new_watch,   update_watch,   events_of,
                                           free_watch, new_timeout, update_timeout, free_timeout} {}

}  // namespace weir::discovery
