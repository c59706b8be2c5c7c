#include "engine/proxy/loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace weir::engine::proxy {
namespace {

constexpr int kAtOnce = 256;  // events of one fetch

}  // namespace

void Alarm::set(Time due) {
    clear();
    due_ = std::max(due, loop_.now_);
    loop_.alarms_.insert(*this);
}

Result<std::unique_ptr<Loop>> Loop::make() {
    UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll) return fail_with(errno, "no event loop for the proxy");
    UniqueFd wake(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (!wake) return fail_with(errno, "no event loop for the proxy");
    epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
    if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake.get(), &event) != 0)
        return fail_with(errno, "no event loop for the proxy");
    return std::unique_ptr<Loop>(new Loop(std::move(epoll), std::move(wake)));
}

Status Loop::watch(int descriptor, Watcher& watcher) {
    return watch_level(descriptor, watcher, EPOLLIN | EPOLLOUT | EPOLLRDHUP | static_cast<uint32_t>(EPOLLET));
}

Status Loop::watch_level(int descriptor, Watcher& watcher, uint32_t events) {
    epoll_event event{.events = events, .data = {.ptr = &watcher}};
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event) == 0) return {};
    return fail_with(errno, "a descriptor cannot be watched");
}

void Loop::forget(int descriptor) {
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, descriptor, nullptr);
}

void Loop::turn(Watcher& watcher) {
    if (!watcher.turn_.is_linked()) turns_.push_back(watcher);
}

void Loop::bury(std::unique_ptr<Watcher> watcher) {
    if (!watcher) return;
    watcher->turn_.unlink();
    buried_.push_back(std::move(watcher));
}

/// Who goes may bury others.
void Loop::let_go() {
    while (!buried_.empty()) std::exchange(buried_, {}).clear();
}

/// Where others wait to be called, the loop is awake or about to be.
void Loop::post(std::function<void()> call) {
    {
        const std::lock_guard lock(mutex_);
        posted_.push_back(std::move(call));
        if (posted_.size() > 1) return;
    }
    const uint64_t one = 1;
    [[maybe_unused]] auto written = ::write(wake_.get(), &one, sizeof one);
}

void Loop::stop() {
    post([this] { stopped_ = true; });
}

/// By the clock as it is: what was called since the last fetch took its time.
int Loop::wait_milliseconds() const {
    if (!turns_.empty()) return 0;
    if (now_ - last_event_ < spin_) return 0;
    if (alarms_.empty()) return -1;
    auto left = alarms_.begin()->due_ - std::chrono::steady_clock::now();
    auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    return static_cast<int>(std::clamp<int64_t>(milliseconds, 0, 60000));
}

void Loop::fetch(int timeout) {
    std::array<epoll_event, kAtOnce> events;
    const int count = ::epoll_wait(epoll_.get(), events.data(), kAtOnce, timeout);
    now_ = std::chrono::steady_clock::now();
    for (int i = 0; i < count; ++i) {
        if (auto* watcher = static_cast<Watcher*>(events[static_cast<size_t>(i)].data.ptr)) {
            last_event_ = now_;
            watcher->ready(events[static_cast<size_t>(i)].events);
        } else {
            call_posted();
        }
    }
}

void Loop::call_posted() {
    uint64_t drained = 0;
    [[maybe_unused]] auto got = ::read(wake_.get(), &drained, sizeof drained);
    std::vector<std::function<void()>> calls;
    {
        const std::lock_guard lock(mutex_);
        calls.swap(posted_);
    }
    for (auto& call : calls) call();
}

/// Those that were due before: an alarm that is set to a time that is over again and again keeps nobody from
/// anything.
void Loop::ring() {
    const auto later =
        std::ranges::find_if(alarms_, [this](const Alarm& alarm) { return alarm.due_ > now_; });
    auto due = std::distance(alarms_.begin(), later);
    for (; due > 0 && !alarms_.empty() && alarms_.begin()->due_ <= now_; --due) {
        auto& alarm = *alarms_.begin();
        alarm.clear();
        alarm.call_();
    }
}

/// Of those that asked before: who asks again waits for the next round.
void Loop::take_turns() {
    Turns turns;
    turns.swap(turns_);
    while (!turns.empty()) {
        auto& watcher = turns.front();
        turns.pop_front();
        watcher.ready(0);
    }
}

void Loop::run() {
    while (!stopped_) {
        fetch(wait_milliseconds());
        take_turns();
        ring();
        let_go();
    }
}

}  // namespace weir::engine::proxy
